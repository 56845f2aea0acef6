/* SPDX-License-Identifier: Apache-2.0 */
/* tls.c - the certificate files, read again on demand: each handshake takes the newest. */
#include "edge/http.h"

#include "base/crypto.h"
#include "base/log.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHAIN_MAX = 8, FILE_MAX = 1 << 20 };

struct chain {
	gnutls_pcert_st certs[CHAIN_MAX];
	unsigned count;
	gnutls_privkey_t key;
};

struct tls {
	const char *cert_file, *key_file;
	pthread_mutex_t lock;
	struct chain *now, *before; /* a handshake may still hold the one before */
};

/* libmicrohttpd hands its certificate callback no argument of ours. */
static struct tls *current;

static void chain_free(struct chain *chain)
{
	if (!chain)
		return;
	for (unsigned i = 0; i < chain->count; i++)
		gnutls_pcert_deinit(&chain->certs[i]);
	gnutls_privkey_deinit(chain->key);
	free(chain);
}

static bool load_key(const char *file, gnutls_privkey_t key)
{
	gnutls_datum_t bytes;
	int result = gnutls_load_file(file, &bytes);
	if (result == GNUTLS_E_SUCCESS) {
		result = gnutls_privkey_import_x509_raw(key, &bytes, GNUTLS_X509_FMT_PEM, NULL, 0);
		gnutls_memset(bytes.data, 0, bytes.size);
		gnutls_free(bytes.data);
	}
	if (result != GNUTLS_E_SUCCESS)
		log_error("tls: %s: %s", file, gnutls_strerror(result));
	return result == GNUTLS_E_SUCCESS;
}

/* The name of a public key, the same for its certificate and its private key. False: none can be had. */
static bool key_id(gnutls_pubkey_t public, unsigned char id[static HASH_BYTES])
{
	size_t size = HASH_BYTES;
	return gnutls_pubkey_get_key_id(public, GNUTLS_KEYID_USE_SHA256, id, &size) == GNUTLS_E_SUCCESS && size == HASH_BYTES;
}

/* With the key of another certificate every handshake would fail. */
static bool belong_together(struct chain *chain)
{
	unsigned char of_cert[HASH_BYTES], of_key[HASH_BYTES];
	gnutls_pubkey_t public;
	if (gnutls_pubkey_init(&public) != GNUTLS_E_SUCCESS)
		abort();
	bool fine = gnutls_pubkey_import_privkey(public, chain->key, 0, 0) == GNUTLS_E_SUCCESS && key_id(public, of_key) &&
	            key_id(chain->certs[0].pubkey, of_cert) && memcmp(of_cert, of_key, HASH_BYTES) == 0;
	gnutls_pubkey_deinit(public);
	return fine;
}

static struct chain *chain_load(const char *cert_file, const char *key_file)
{
	struct chain *chain = calloc(1, sizeof *chain);
	if (!chain || gnutls_privkey_init(&chain->key) != GNUTLS_E_SUCCESS)
		abort();
	chain->count = CHAIN_MAX;
	int result = gnutls_pcert_list_import_x509_file(chain->certs, &chain->count, cert_file, GNUTLS_X509_FMT_PEM, NULL, NULL, 0);
	if (result != GNUTLS_E_SUCCESS) {
		log_error("tls: %s: %s", cert_file, gnutls_strerror(result));
		chain->count = 0;
	} else if (load_key(key_file, chain->key)) {
		if (belong_together(chain))
			return chain;
		log_error("tls: the key in %s does not belong to the certificate in %s", key_file, cert_file);
	}
	chain_free(chain);
	return NULL;
}

struct tls *tls_open(const char *cert, const char *key)
{
	struct tls *tls = calloc(1, sizeof *tls);
	if (!tls)
		abort();
	tls->cert_file = cert;
	tls->key_file = key;
	pthread_mutex_init(&tls->lock, NULL);
	if (tls_reload(tls))
		return tls;
	tls_close(tls);
	return NULL;
}

bool tls_reload(struct tls *tls)
{
	struct chain *chain = chain_load(tls->cert_file, tls->key_file);
	if (!chain)
		return false;
	pthread_mutex_lock(&tls->lock);
	chain_free(tls->before);
	tls->before = tls->now;
	tls->now = chain;
	pthread_mutex_unlock(&tls->lock);
	return true;
}

void tls_close(struct tls *tls)
{
	if (!tls)
		return;
	chain_free(tls->now);
	chain_free(tls->before);
	pthread_mutex_destroy(&tls->lock);
	free(tls);
}

static int retrieve(gnutls_session_t session, const gnutls_datum_t *names, int name_count,
                    const gnutls_pk_algorithm_t *algorithms, int algorithm_count, gnutls_pcert_st **certs,
                    unsigned int *cert_count, gnutls_privkey_t *key)
{
	(void)session;
	(void)names;
	(void)name_count;
	(void)algorithms;
	(void)algorithm_count;
	pthread_mutex_lock(&current->lock);
	*certs = current->now->certs;
	*cert_count = current->now->count;
	*key = current->now->key;
	pthread_mutex_unlock(&current->lock);
	return 0;
}

void *tls_callback(void)
{
	union {
		gnutls_certificate_retrieve_function2 *function;
		void *pointer;
	} callback = { .function = retrieve };
	return callback.pointer;
}

void tls_current(struct tls *tls)
{
	current = tls;
}
