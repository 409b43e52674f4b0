# SPDX-License-Identifier: BSD-2-Clause
# pause32.s - a 32-bit program that says "ready {}" and sleeps in pause() until it is killed.
	.section .rodata
text:	.ascii "ready {}\n"
	.text
	.globl _start
_start:
	mov $4, %eax		# write
	mov $1, %ebx
	mov $text, %ecx
	mov $9, %edx
	int $0x80
again:	mov $29, %eax		# pause
	int $0x80
	jmp again
