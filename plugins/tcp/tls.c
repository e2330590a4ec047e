/* tls: see tls.h. */
#include "tls.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>

const struct spate_option TLS_OPTIONS[] = {
    {.name = "cert",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct tls_config, cert),
     .help = "A file with our certificate and those above it, PEM."},
    {.name = "key",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct tls_config, key),
     .help = "A file with the certificate's private key, PEM."},
    {.name = "ca",
     .type = SPATE_OPT_STRING,
     .offset = offsetof(struct tls_config, ca),
     .help = "A file with the certificates that vouch for the other side, or `system`; a listener with it asks clients "
             "for certificates."},
    {.name = "insecure_skip_verify",
     .type = SPATE_OPT_BOOL,
     .offset = offsetof(struct tls_config, insecure_skip_verify),
     .default_text = "false",
     .help = "Talk to whoever answers: for tests."},
    {.name = NULL}};

bool tls_wanted(const struct tls_config *c) {
  return c->cert != NULL || c->key != NULL || c->ca != NULL || c->insecure_skip_verify;
}

int tls_check(const struct tls_config *c, bool listens, struct spate_error *err) {
  if (!tls_wanted(c)) return 0;
  if ((c->cert == NULL) != (c->key == NULL))
    return spate_fail_option(err, c->cert == NULL ? "tls.key" : "tls.cert", "cert and key belong together");
  if (listens && c->cert == NULL) return spate_fail_option(err, "tls", "a listener with tls needs cert and key");
  if (listens && c->insecure_skip_verify)
    return spate_fail_option(err, "tls.insecure_skip_verify", "this is for who connects; a listener verifies with ca");
  return 0;
}

const char *tls_reason(unsigned long error, char *out, size_t room) {
  if (error == 0) return "the other side closed the connection";
  ERR_error_string_n(error, out, room);
  return out;
}

static int tls_failed(struct spate_error *err, const char *what, const char *file) {
  char reason[200];
  return spate_fail(err, "tls: cannot %s %s: %s", what, file, tls_reason(ERR_get_error(), reason, sizeof reason));
}

static int context_fill(SSL_CTX *x, const struct tls_config *c, bool listens, struct spate_error *err) {
  ERR_clear_error();
  SSL_CTX_set_min_proto_version(x, TLS1_2_VERSION);
  SSL_CTX_set_mode(x, SSL_MODE_RELEASE_BUFFERS);
  if (c->cert != NULL && SSL_CTX_use_certificate_chain_file(x, c->cert) != 1) return tls_failed(err, "use", c->cert);
  if (c->key != NULL && SSL_CTX_use_PrivateKey_file(x, c->key, SSL_FILETYPE_PEM) != 1)
    return tls_failed(err, "use", c->key);
  if (c->key != NULL && SSL_CTX_check_private_key(x) != 1) return tls_failed(err, "match the certificate with", c->key);
  if (c->ca != NULL && strcmp(c->ca, "system") != 0 && SSL_CTX_load_verify_locations(x, c->ca, NULL) != 1)
    return tls_failed(err, "use", c->ca);
  if ((c->ca == NULL ? !listens : strcmp(c->ca, "system") == 0) && SSL_CTX_set_default_verify_paths(x) != 1)
    return tls_failed(err, "use", "the system's certificates");
  if (listens)
    SSL_CTX_set_verify(x, c->ca != NULL ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_NONE, NULL);
  else
    SSL_CTX_set_verify(x, c->insecure_skip_verify ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
  return 0;
}

SSL_CTX *tls_context(const struct tls_config *c, bool listens, const struct spate_where *where,
                     struct spate_error *err) {
  SSL_CTX *x = SSL_CTX_new(listens ? TLS_server_method() : TLS_client_method());
  if (x == NULL) {
    tls_failed(err, "begin", "");
    return NULL;
  }
  if (context_fill(x, c, listens, err) != 0) {
    SSL_CTX_free(x);
    return NULL;
  }
  if (c->insecure_skip_verify)
    spate_log(where, SPATE_LOG_WARN, "tls: insecure_skip_verify: the other side is not verified");
  return x;
}

SSL *tls_connection(SSL_CTX *context, const char *host) {
  unsigned char number[16];
  SSL *ssl = SSL_new(context);
  if (ssl == NULL || host == NULL) return ssl;
  bool numeric = inet_pton(AF_INET, host, number) == 1 || inet_pton(AF_INET6, host, number) == 1;
  int good = numeric ? X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host)
                     : SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
  if (good == 1) return ssl;
  SSL_free(ssl);
  return NULL;
}
