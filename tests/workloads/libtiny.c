/* SPDX-License-Identifier: BSD-2-Clause */
/* libtiny.c - the other object of plt.c. */
int tiny(int x);
int tiny(int x) { return x + 1; }
