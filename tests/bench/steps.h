/* Counts the instructions that a stretch of a program takes: exact, the same on every run, and without counters of the CPU, which many
 * virtual machines do not have. The program runs in a child that is single-stepped between its marks.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 */
#ifndef TESTS_BENCH_STEPS_H
#define TESTS_BENCH_STEPS_H

/* In the program: what stands between the two is counted. */
void steps_begin(void);
void steps_end(void);

/* Runs the program in a child; `took` is called here for each stretch, in order, with its number from 0 on. Returns the child's exit
 * status, or -1 with errno where there is no ptrace. */
int steps_run(void (*program)(void *context), void (*took)(void *context, unsigned number, unsigned long instructions), void *context);

#endif
