/* Preloaded into a server: a signal by pidfd that is about to be sent is held there. A test makes the file
 * that HELD_SIGNAL names; it is renamed to .held when a signal comes, which is sent when that is gone. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

static void hold(const char *wanted)
{
    char held[PATH_MAX];

    if (wanted == NULL)
        return;
    snprintf(held, sizeof held, "%s.held", wanted);
    if (rename(wanted, held) == 0)
        while (access(held, F_OK) == 0)
            usleep(1000);
}

__attribute__((visibility("default"))) long syscall(long number, ...)
{
    long (*const real)(long, ...) = (long (*)(long, ...)) dlsym(RTLD_NEXT, "syscall");
    long arguments[6];
    va_list list;

    va_start(list, number);
    for (int i = 0; i < 6; i++)
        arguments[i] = va_arg(list, long);
    va_end(list);
    if (number == SYS_pidfd_send_signal && arguments[1] != 0)
        hold(getenv("HELD_SIGNAL"));
    return real(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4], arguments[5]);
}
