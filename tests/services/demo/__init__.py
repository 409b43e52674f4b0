# SPDX-License-Identifier: BSD-2-Clause
"""The demo: replays the story of the leaking connection pool with the real parts, before and after the fix."""
