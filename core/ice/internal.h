/* The ICE agent's parts, as its files see them.
 *
 * SPDX-License-Identifier: BSD-3-Clause
 *
 * How a call runs: each public function that changes something first takes the time (prtc_ice_set_now), does its work
 * on the structs below, and ends with prtc_ice_step, which carries out whatever the time and the new state ask for and
 * sets the deadline anew. Nothing else starts a check, a timer or an event of state. prtc_ice_step moves what is due
 * into `ready` transactions, which wait for transmit and are no deadline any more; so a deadline is never left in the
 * past.
 *
 * Invariants
 *   - There is at most one pair for a socket and a remote address. (Server-reflexive candidates are paired as their
 *     base, RFC 8445 section 6.1.2.4, so that every local candidate of a pair is a socket.)
 *   - Pairs, remote candidates and checks belong to the current generation. Only `path` outlives a restart: it has
 *     credentials of its own.
 */
#ifndef PRTC_ICE_INTERNAL_H
#define PRTC_ICE_INTERNAL_H

#include <stdbool.h>

#include <polyrtc/ice.h>

#include "core/base/context.h"
#include "core/base/queue.h"
#include "core/ice/mux.h"
#include "core/stun/message.h"

#define MAX_SOCKETS 32      /* each: UDP, active TCP, passive TCP, relays */
#define MAX_ACCEPTED 16     /* TCP connections of which nothing has been heard yet */
#define MAX_CONNECTS 4      /* times that one pair is given a TCP connection */
#define MAX_SERVERS PRTC_ICE_SERVERS_MAX
#define MAX_REMOTES 256
#define MAX_PAIRS 100       /* RFC 8445 section 6.1.2.5 */
#define MAX_TRANSACTIONS 512
#define MAX_EARLY 16        /* checks that came before the other side's parameters */
#define MAX_RESPONSES 32
#define SEEN_BITS 2048
#define MAX_EVENTS 512      /* beyond, the oldest are lost */
#define MESSAGE_SIZE 1200   /* a check with the longest ufrags has 620 bytes */
#define RESPONSE_SIZE 128

#define UFRAG_SIZE 8        /* of our own: 48 bits */
#define PASSWORD_SIZE 24    /* 144 bits; RFC 8445 section 5.3 asks for 128 */
#define UFRAG_MOST 32       /* of those that the application chose */
#define PASSWORD_MOST 64

#define MILLISECONDS(n) ((prtc_time)(n) * 1000)

#define DEFAULT_TA MILLISECONDS(50) /* RFC 8445 section 14.2 */
#define LEAST_TA MILLISECONDS(5)    /* likewise, for all that is sent */

/* ---------------------------------------------------------------------------------------------------------- objects */

/* A growing array of pointers, in the order in which they came. */
struct ice_list {
  void **items;
  size_t count, capacity;
};

struct ice_credentials {
  char local_ufrag[UFRAG_MOST + 1], local_password[PASSWORD_MOST + 1], remote_ufrag[257], remote_password[257];
};

enum connection_state { CONNECTION_WANTED, CONNECTION_MAKING, CONNECTION_OPEN };

/* A socket is a base (RFC 8445 section 4) and a host candidate; or it is a TCP connection, made from such a base; or one on
 * a TURN server, and a relayed candidate. */
struct ice_socket {
  prtc_socket_id id;
  prtc_tcp_type tcp_type;    /* NONE: UDP. A connection has that of its base */
  struct ice_socket *base;   /* of a connection; else NULL */
  enum connection_state state; /* of a connection */
  prtc_address remote;       /* of a connection */
  prtc_time due;             /* of an accepted connection: when a pair must have come of it */
  prtc_address address;
  uint32_t relay_protocol;   /* prtc_relay_protocol; NONE: a host's */
  prtc_address mapped, server; /* of a relay */
  prtc_socket_id mapped_base; /* likewise: the socket of the mapped address; 0: none */
  uint32_t interface_index, network_type;
  uint32_t local_preference; /* RFC 8445 section 5.1.2.1 */
  bool retired;              /* of no use but for the selected path */
  bool was_there;            /* when the present pair was selected */
};

struct ice_local {
  struct ice_socket *socket; /* its base */
  prtc_candidate_type type;
  prtc_address address;
  prtc_address server;       /* family none of host candidates */
  prtc_time refresh_at;      /* of server-reflexive ones: when the server is asked again, so that NATs keep the mapping */
  uint32_t priority, foundation;
};

struct ice_remote {
  prtc_candidate_type type;
  prtc_tcp_type tcp_type;    /* NONE: UDP */
  prtc_address address;      /* scope 0 */
  uint32_t priority;
  char foundation[33];
  char *ufrag;               /* only while the remote parameters are not known; NULL when the candidate had none */
};

/* RFC 8445 section 6.1.2.6 */
enum pair_state { PAIR_FROZEN, PAIR_WAITING, PAIR_IN_PROGRESS, PAIR_SUCCEEDED, PAIR_FAILED };

struct ice_pair {
  struct ice_socket *socket;
  struct ice_remote *remote;
  enum pair_state state;
  uint64_t priority;
  prtc_time checked_at;      /* when the latest check was sent; 0: never */
  prtc_time tried_since;     /* when the first of its checks began that was not answered; 0: there is none */
  uint64_t trigger_order;    /* place in the triggered-check queue; 0: not in it */
  bool valid;                /* a check has succeeded */
  bool heard;                /* an authenticated request came over it */
  prtc_time used_at;         /* when the latest authenticated request or answer came */
  bool heard_plain;          /* likewise, without USE-CANDIDATE */
  bool nominated;            /* controlled: the other side has sent USE-CANDIDATE or NOMINATION */
  uint32_t nomination;       /* the largest NOMINATION of those; 0: there was none */
  bool doubted;              /* it was made by a check that may have been a copy of one before, and by nothing else */
  bool late;                 /* its socket came when there was a selected pair: it is checked all the same */
  prtc_time nominated_at;    /* when it last did */
  uint32_t connects;         /* TCP connections that have been made for it */
  prtc_candidate_type local_type; /* of what the other side sees: known when valid */
  uint64_t round_trip_time;
  prtc_ice_pair_stats stats; /* its counters and its id alone */
  struct prtc_mux_entry claim;
};

enum transaction_kind { TRANSACTION_CHECK, TRANSACTION_CONSENT, TRANSACTION_GATHER };

/* A Binding request under way. */
struct ice_transaction {
  enum transaction_kind kind;
  uint8_t id[PRTC_STUN_TRANSACTION_SIZE];
  struct ice_socket *socket;
  prtc_address remote;
  struct ice_pair *pair;     /* of a check */
  bool use_candidate;        /* it nominates */
  uint32_t nomination;       /* NOMINATION, 0: without */
  bool controlling;          /* the role it is sent in */
  uint64_t tie_breaker;      /* likewise */
  bool refresh;              /* a gathering one that only keeps a mapping */
  bool started;              /* gathering ones wait for their turn */
  bool ready;                /* to be sent at the next transmit */
  bool cancelled;            /* not to be sent again, but an answer counts (RFC 8445 section 7.3.1.4) */
  bool after_heard;          /* a check that was made when the other side's had come over its pair */
  uint32_t sent;             /* times */
  prtc_time first_sent, last_sent;
  prtc_time rto, most_rto;   /* until the next transmission; what doubling ends at */
  prtc_time window, patience; /* since the first transmission: of the last one, of giving up */
  prtc_time due;             /* when that is, or when it has failed; counts when started and not ready */
  struct prtc_mux_entry entry;
};

/* The selected pair, with what consent needs (RFC 7675). */
struct ice_path {
  bool valid;
  struct ice_pair *pair;     /* NULL when its generation has ended */
  struct ice_socket *socket;
  prtc_address remote;
  prtc_candidate_type local_type, remote_type;
  uint64_t round_trip_time;
  struct ice_credentials credentials;
  prtc_time answered_at;     /* the latest response */
  prtc_time heard_at;        /* the latest authenticated request */
  prtc_time consent_next;
  prtc_time unanswered_since; /* the first consent check since then; PRTC_NEVER */
  uint32_t nomination;       /* that it was selected by; 0: without */
  bool suspected;            /* the other side looks for another pair: the consent checks come sooner */
  prtc_time suspected_at, suspect_next; /* not again before the latter */
  bool doubtful;             /* unanswered for a while: another pair is looked for */
  bool disconnected;         /* and nothing has been heard either: the state says so */
};

/* The generation before a restart that the other side has not answered yet: it may be taken back. */
struct ice_former {
  bool valid;
  struct ice_credentials credentials;
  bool remote_known, remote_lite, remote_renominates, remote_ended, gathered, was_gathered;
  int failure;
  struct ice_list locals, remotes;
};

/* A check that came before the parameters of its sender. */
struct ice_early {
  prtc_socket_id socket;
  prtc_address remote;
  uint32_t priority, nomination;
  bool use_candidate;
  char ufrag[257];
};

struct ice_response {
  struct ice_socket *socket;
  prtc_address remote;
  uint16_t size;
  uint8_t data[RESPONSE_SIZE];
};

/* prtc_ice_event without its large texts. */
struct ice_event {
  uint32_t type, state;
  int32_t code;
  prtc_tcp_type tcp_type;
  struct ice_local local;
  prtc_address base;       /* the related address */
  uint32_t relay_protocol;
  char ufrag[UFRAG_MOST + 1];
};

/* A 1:1 NAT */
struct ice_mapping {
  prtc_address local, mapped;
  prtc_candidate_type type;
};

struct prtc_ice {
  struct prtc_context *context;
  prtc_ice_config config; /* defaults filled in */
  prtc_time now;          /* the latest seen */
  bool idle;              /* there was nothing to transmit, and nothing but time has changed since */
  prtc_time deadline;

  bool controlling;
  uint64_t tie_breaker;

  struct ice_credentials credentials;
  bool remote_known;      /* credentials.remote_… are set and of this generation */
  bool remote_ahead;      /* the other side has restarted, this side not yet */
  bool remote_lite;
  bool remote_named;      /* a candidate of this generation has a name for an address */
  bool remote_renominates; /* it offers renomination, and so do we */
  bool remote_ended;      /* end-of-candidates */

  struct ice_former former;
  /* Connections: TCP, sockets that are no candidates */
  struct ice_list sockets, connections, locals, remotes, pairs, transactions;
  prtc_address servers[MAX_SERVERS];
  size_t server_count;
  bool server_heard[MAX_SERVERS]; /* in this generation: it has answered, or its silence has been told */
  struct ice_mapping *mappings;
  size_t mapping_count;
  bool sockets_ended;
  bool gathered;          /* GATHERING_COMPLETE has been reported, and nothing has been gathered since */
  bool was_gathered;      /* it has been, in this generation */
  bool has_gathered;      /* there has been a local candidate, in this generation */
  struct prtc_queue early, responses, events;
  uint8_t seen[SEEN_BITS / 8]; /* a bit for each transaction of a check that was taken, by some bits of its id */
  uint32_t seen_count;
  struct prtc_queue disconnects; /* prtc_socket_id of connections that the caller is to close */
  bool event_lost;        /* for lack of memory; not told yet */

  uint32_t last_pair_id;
  uint32_t told_pair;       /* the pair in use without being nominated that the application knows of; 0: none */
  uint64_t trigger_order;
  uint32_t reflexive_count; /* names peer-reflexive foundations */
  prtc_time ta;             /* between two ordinary checks: what both sides' paces come to */
  prtc_time pace, gather_pace, any_pace; /* the earliest start of the next ordinary check, request to a server, either */
  prtc_time nomination;     /* until when better pairs are waited for at most; PRTC_NEVER: nothing to nominate */
  prtc_time nomination_due; /* when that is, or when none of them can be waited for any more */
  prtc_time patience;       /* RFC 8863: not failed before; PRTC_NEVER: not running */

  uint32_t last_nomination; /* controlling: of ours; controlled: the largest that was followed */
  struct ice_path path;
  prtc_time nudge_at;       /* controlled, without a selected pair: when the other side is shown again which work */
  uint64_t nudge_round_trip; /* the longest that a check took: what is at least waited for, twice */
  prtc_time lost_at;        /* when the socket of the selected pair went away; PRTC_NEVER: it did not, or there is a new
                               pair */
  prtc_socket_id former_socket; /* where data may still arrive from after the selected pair has changed */
  prtc_address former_remote;

  /* Sockets that are shared with other agents: NULL when they are this agent's own. */
  struct prtc_mux *mux;
  void *owner;
  bool yields;            /* its paths are free for others */
  struct ice_known_ufrag {
    struct prtc_mux_entry entry;
    char ufrag[UFRAG_MOST + 1];
  } ufrags[3];            /* of the present generation, of the one that may be taken back, of the path */
  struct prtc_mux_entry path_claim, former_claim;
  uint64_t taken;         /* checks that came over a path of another's, in this generation */

  prtc_ice_transport_state state;
  int failure;            /* prtc_error, 0 while not failed */
  char failure_text[256];
  /* Of this generation, for the sentence that says why it failed; `refused`: requests and answers under another
   * password. */
  uint32_t remotes_ignored;
  uint64_t checks_sent, answers, requests, refused;
};

/* -------------------------------------------------------------------------------------------------- agent.c, list.c */

int prtc_ice_list_add(struct prtc_ice *ice, struct ice_list *list, void *item);
void prtc_ice_list_remove(struct ice_list *list, const void *item); /* does not free the item */
void prtc_ice_list_free(struct prtc_ice *ice, struct ice_list *list); /* frees the items */

void prtc_ice_set_now(struct prtc_ice *ice, prtc_time now);
void prtc_ice_step(struct prtc_ice *ice);
void prtc_ice_push_event(struct prtc_ice *ice, const struct ice_event *event);
void prtc_ice_fail(struct prtc_ice *ice, int code);

/* A generation ends: the pair in use becomes the path that outlives it, also when it was not nominated yet. */
void prtc_ice_keep_working_pair(struct prtc_ice *ice);

/* explain.c: fills failure_text. */
void prtc_ice_explain(struct prtc_ice *ice, int code);

/* candidate.c */
bool prtc_ice_is_chars(const char *text, size_t size);

/* --------------------------------------------------------------------------------------------------------- gather.c */

/* The socket, or the connection when it is open; NULL: neither */
struct ice_socket *prtc_ice_find_socket(const struct prtc_ice *ice, prtc_socket_id id);
/* 0 and *out, of which nothing is known yet but what is given; or an error. */
int prtc_ice_new_socket(struct prtc_ice *ice, const struct ice_socket *given);
void prtc_ice_drop_responses(struct prtc_ice *ice, const struct ice_socket *socket);
uint32_t prtc_ice_priority(prtc_candidate_type type, const struct ice_socket *socket);
int prtc_ice_gather(struct prtc_ice *ice); /* begins a generation: candidates of all sockets */
int prtc_ice_gather_on(struct prtc_ice *ice); /* goes on with one that was interrupted: what is there is not told again */
void prtc_ice_gather_step(struct prtc_ice *ice);
prtc_time prtc_ice_gather_deadline(const struct prtc_ice *ice);
/* A request to a server has ended without an answer; `transaction` is removed already. */
void prtc_ice_gather_failed(struct prtc_ice *ice, const struct ice_transaction *transaction);
int prtc_ice_gather_response(struct prtc_ice *ice, struct ice_transaction *transaction,
                             const struct prtc_stun_message *message);
/* The type of the local candidate with the address that the other side sees: peer-reflexive when there is none. That one
 * needs no place among the candidates: it is never signalled, and is paired as its base. */
prtc_candidate_type prtc_ice_reflexive_type(const struct prtc_ice *ice, const struct ice_socket *socket,
                                            const prtc_address *mapped);

/* ------------------------------------------------------------------------------------------------------------ tcp.c */

/* The base of a connection; any other socket is its own. */
const struct ice_socket *prtc_ice_base_of(const struct ice_socket *socket);
/* Before a check: the pair has a connection, which may still have to be made. False without memory, or when it has had
 * enough. */
bool prtc_ice_need_connection(struct prtc_ice *ice, struct ice_pair *pair);
static inline bool prtc_ice_is_connected(const struct ice_socket *socket) {
  return socket->base == NULL || socket->state == CONNECTION_OPEN;
}
/* An authenticated request came over it. */
void prtc_ice_connection_heard(struct prtc_ice *ice, struct ice_socket *socket);
/* A pair was selected: the connections that are not needed for it. */
void prtc_ice_drop_other_connections(struct prtc_ice *ice);
void prtc_ice_drop_connections_of(struct prtc_ice *ice, const struct ice_socket *base);
/* A connection has ended, and not by our doing. NOT_FOUND when there is none of that id. */
int prtc_ice_connection_lost(struct prtc_ice *ice, prtc_socket_id id);
void prtc_ice_tcp_step(struct prtc_ice *ice); /* closes those that nothing needs any more */
prtc_time prtc_ice_tcp_deadline(const struct prtc_ice *ice);

/* ---------------------------------------------------------------------------------------------------------- pairs.c */

/* Equal but for the scope, which only the local side knows. */
bool prtc_ice_same_address(const prtc_address *a, const prtc_address *b);
struct ice_pair *prtc_ice_find_pair(const struct prtc_ice *ice, const struct ice_socket *socket,
                                    const prtc_address *remote);
int prtc_ice_form_pairs(struct prtc_ice *ice);
/* The pair for a socket and the source of an authenticated check; its remote candidate becomes peer-reflexive when new
 * (RFC 8445 section 7.3.1.3). NULL when there is no room. */
struct ice_pair *prtc_ice_learn_pair(struct prtc_ice *ice, struct ice_socket *socket, const prtc_address *remote,
                                     uint32_t priority);
void prtc_ice_remove_pair(struct prtc_ice *ice, struct ice_pair *pair);
void prtc_ice_clear_generation(struct prtc_ice *ice, bool keep_remotes);
/* The remote candidates, which no pair uses, are moved or freed. */
void prtc_ice_free_remotes(struct prtc_ice *ice, struct ice_list *remotes);
void prtc_ice_set_role(struct prtc_ice *ice, bool controlling);
void prtc_ice_recheck_pairs(struct prtc_ice *ice);
struct ice_pair *prtc_ice_next_pair(const struct prtc_ice *ice); /* for the next ordinary check */
bool prtc_ice_has_unfinished_pair(const struct prtc_ice *ice);
void prtc_ice_drop_other_remotes(struct prtc_ice *ice); /* those held whose ufrag is not the remote one */

/* --------------------------------------------------------------------------------------------------------- checks.c */

struct ice_transaction *prtc_ice_add_transaction(struct prtc_ice *ice, enum transaction_kind kind,
                                                 struct ice_socket *socket, const prtc_address *remote);
void prtc_ice_remove_transaction(struct prtc_ice *ice, struct ice_transaction *transaction);
void prtc_ice_trigger(struct prtc_ice *ice, struct ice_pair *pair);
void prtc_ice_checks_step(struct prtc_ice *ice);
/* There is a selected pair of this generation, and it works as far as is known. */
bool prtc_ice_is_settled(const struct prtc_ice *ice);
prtc_time prtc_ice_checks_deadline(const struct prtc_ice *ice);
int prtc_ice_take_response(struct prtc_ice *ice, const struct prtc_stun_message *message, const prtc_datagram *datagram);
prtc_time prtc_ice_patience(const struct prtc_ice *ice); /* for how long a check is tried */
int prtc_ice_write_request(struct prtc_ice *ice, const struct ice_transaction *transaction, uint8_t *buffer,
                           size_t capacity);
void prtc_ice_sent(struct prtc_ice *ice, struct ice_transaction *transaction);
void prtc_ice_stop_checks(struct prtc_ice *ice);
/* A log line about a pair: "192.0.2.1:5000 to 192.0.2.2:6000 works". */
void prtc_ice_log_pair(struct prtc_ice *ice, const struct ice_pair *pair, const char *what);
void prtc_ice_fail_check(struct prtc_ice *ice, struct ice_transaction *transaction);

/* ---------------------------------------------------------------------------------------------------------- stats.c */

/* The counters of the pair on a path, or NULL. */
prtc_ice_pair_stats *prtc_ice_stats_of(const struct prtc_ice *ice, const struct ice_socket *socket,
                                       const prtc_address *remote);

/* ------------------------------------------------------------------------------------------------------- nominate.c */

void prtc_ice_nominate_step(struct prtc_ice *ice);
/* Controlled: the pair is nominated and valid; whether it becomes the selected one depends on the present one. */
void prtc_ice_consider(struct prtc_ice *ice, struct ice_pair *pair);
void prtc_ice_select(struct prtc_ice *ice, struct ice_pair *pair);

/* --------------------------------------------------------------------------------------------------------- server.c */

int prtc_ice_take_request(struct prtc_ice *ice, const struct prtc_stun_message *message, const prtc_datagram *datagram);
void prtc_ice_replay_early(struct prtc_ice *ice);
void prtc_ice_forget_transactions(struct prtc_ice *ice, bool all_were_seen);

/* ---------------------------------------------------------------------------------------------------------- share.c */

/* Brings what the mux knows into line with what is. At the end of every step. */
void prtc_ice_share_step(struct prtc_ice *ice);
void prtc_ice_share_transaction(struct prtc_ice *ice, struct ice_transaction *transaction);
void prtc_ice_unshare(struct prtc_ice *ice, struct prtc_mux_entry *entry);
/* Somebody else has selected the path: nothing is answered over it. */
bool prtc_ice_is_taken(const struct prtc_ice *ice, const struct ice_socket *socket, const prtc_address *remote);
/* A check of ours was answered over the pair. False when somebody else has selected its path: then it has failed all the
 * same. */
bool prtc_ice_prove(struct prtc_ice *ice, struct ice_pair *pair);
/* The same for the pair that is about to be selected. */
bool prtc_ice_prove_selected(struct prtc_ice *ice, struct ice_pair *pair);

/* -------------------------------------------------------------------------------------------------------- restart.c */

void prtc_ice_forget_former(struct prtc_ice *ice);
/* Whether the application may choose them, NUL-terminated, for this side. */
bool prtc_ice_may_be_local(const char *ufrag, const char *password);
void prtc_ice_make_credentials(struct prtc_ice *ice, char ufrag[UFRAG_MOST + 1], char password[PASSWORD_MOST + 1]);

/* -------------------------------------------------------------------------------------------------------- consent.c */

void prtc_ice_nudge_later(struct prtc_ice *ice, uint64_t round_trip);
void prtc_ice_consent_start(struct prtc_ice *ice);
void prtc_ice_consent_step(struct prtc_ice *ice);
prtc_time prtc_ice_consent_deadline(const struct prtc_ice *ice);
void prtc_ice_consent_answered(struct prtc_ice *ice, const struct ice_transaction *transaction);
void prtc_ice_consent_heard(struct prtc_ice *ice);
void prtc_ice_consent_suspect(struct prtc_ice *ice, const struct ice_pair *pair);
void prtc_ice_lose_path(struct prtc_ice *ice);

#endif
