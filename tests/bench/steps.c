/* SPDX-License-Identifier: BSD-3-Clause */
#include "tests/bench/steps.h"

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

void steps_begin(void) { (void)raise(SIGUSR1); }
void steps_end(void) { (void)raise(SIGUSR2); }

/* Of the marks themselves: the way out of the first and into the second */
static unsigned long overhead;

int steps_run(void (*program)(void *context), void (*took)(void *context, unsigned number, unsigned long instructions),
              void *context) {
  fflush(NULL);
  pid_t child = fork();
  if (child < 0) return -1;
  if (child == 0) {
    if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0) _exit(126);
    steps_begin();
    steps_end();
    program(context);
    fflush(NULL);
    _exit(0);
  }
  bool counts = false;
  unsigned long instructions = 0;
  unsigned number = 0;
  for (;;) {
    int status;
    if (waitpid(child, &status, 0) != child) return -1;
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    if (WIFSIGNALED(status)) return 128 + WTERMSIG(status);
    int signal = WSTOPSIG(status), passed_on = 0;
    if (signal == SIGUSR1) {
      counts = true;
      instructions = 0;
    } else if (signal == SIGUSR2) {
      counts = false;
      if (number == 0) overhead = instructions; /* of the empty stretch, which comes first */
      else took(context, number - 1, instructions - overhead);
      number++;
    } else if (signal == SIGTRAP) {
      instructions++;
    } else {
      passed_on = signal;
    }
    if (ptrace(counts ? PTRACE_SINGLESTEP : PTRACE_CONT, child, NULL, (void *)(long)passed_on) != 0) return -1;
  }
}
