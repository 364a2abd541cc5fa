/* The public part of what c-ares's configure script would find out on Linux. */
#ifndef __CARES_BUILD_H
#define __CARES_BUILD_H
#include <sys/socket.h>
#include <sys/types.h>
#define CARES_HAVE_ARPA_NAMESER_COMPAT_H 1
#define CARES_HAVE_ARPA_NAMESER_H 1
#define CARES_TYPEOF_ARES_SOCKLEN_T socklen_t
#define CARES_TYPEOF_ARES_SSIZE_T ssize_t
typedef CARES_TYPEOF_ARES_SOCKLEN_T ares_socklen_t;
typedef CARES_TYPEOF_ARES_SSIZE_T ares_ssize_t;
#endif
