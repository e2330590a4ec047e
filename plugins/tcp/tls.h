/*
 * tls: contexts and connections of OpenSSL, by the options that source and sink share.
 *
 * TLS is on when any option of the group is given. Who connects verifies chain and host, against `ca` or (ca: system)
 * the machine's store, unless insecure_skip_verify, which is said at each start. Who listens shows its certificate, and
 * with `ca` asks clients for theirs.
 */
#ifndef TCP_TLS_H
#define TCP_TLS_H
#include <openssl/ssl.h>

#include "spate.h"

struct tls_config {
  const char *cert, *key, *ca;
  bool insecure_skip_verify;
};
extern const struct spate_option TLS_OPTIONS[];

bool tls_wanted(const struct tls_config *config);
int tls_check(const struct tls_config *config, bool listens, struct spate_error *err);
SSL_CTX *tls_context(const struct tls_config *config, bool listens, const struct spate_where *where,
                     struct spate_error *err);
/* A connection; host: whom it connects to, NULL when it was accepted. NULL: no memory. */
SSL *tls_connection(SSL_CTX *context, const char *host);
/* Why the last operation of this thread failed, for a log line. */
const char *tls_reason(unsigned long error, char *out, size_t room);
#endif
