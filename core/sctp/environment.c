/* The tunables that usrsctp's user_environment.c holds, as constants.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * usrsctp declares them without `const` but never writes them; a file that sees its declarations could not define them so.
 */
extern const int maxsockets, hz, ip_defttl, ipport_firstauto, ipport_lastauto, nmbclusters;
extern const unsigned short ip_id;

const int hz = 1000; /* one tick is a millisecond */
const int ip_defttl = 64;
const int ipport_firstauto = 49152, ipport_lastauto = 65535;
const int maxsockets = 25600;   /* no limit is derived from it here */
const int nmbclusters = 65536;  /* nor from it */
const unsigned short ip_id = 0; /* there is no IP header */
