package auth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"cloudlab.example/platform/internal/auth"
	"cloudlab.example/platform/internal/fault"
)

const (
	reloadInterval = 30 * time.Second   // how soon a replica loads a key that another one created
	signAfter      = 2 * reloadInterval // a new key signs only after all verifiers had time to load it
)

// signingKey is a key pair; its ID is the token's kid.
type signingKey struct {
	id      string
	private *ecdsa.PrivateKey
	created time.Time
}

// keyring holds the keys that sign tokens. It implements auth.KeySource for the service's own routes.
type keyring struct {
	pool             *pgxpool.Pool
	issuer, audience string

	mu   sync.RWMutex
	keys []signingKey // newest first
}

// load reads the keys, and creates the first one. Only one of several starting replicas creates it.
func (k *keyring) load(ctx context.Context) error {
	if err := k.read(ctx); err != nil || k.count() > 0 {
		return err
	}
	err := pgx.BeginFunc(ctx, k.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `LOCK TABLE signing_keys IN EXCLUSIVE MODE`); err != nil {
			return err
		}
		var exists bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM signing_keys)`).Scan(&exists); err != nil || exists {
			return err
		}
		return insertKey(ctx, tx)
	})
	if err != nil {
		return err
	}
	return k.read(ctx)
}

// rotate creates a new key. Tokens signed with the old keys remain valid, because these remain published.
func (k *keyring) rotate(ctx context.Context) error {
	if err := pgx.BeginFunc(ctx, k.pool, func(tx pgx.Tx) error { return insertKey(ctx, tx) }); err != nil {
		return err
	}
	return k.read(ctx)
}

func insertKey(ctx context.Context, tx pgx.Tx) error {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO signing_keys (id, private_key) VALUES ($1, $2)`, uuid.NewString(), encoded)
	return err
}

func (k *keyring) read(ctx context.Context) error {
	rows, err := k.pool.Query(ctx, `SELECT id, private_key, created_at FROM signing_keys ORDER BY created_at DESC`)
	if err != nil {
		return err
	}
	keys, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (signingKey, error) {
		var key signingKey
		var encoded []byte
		if err := row.Scan(&key.id, &encoded, &key.created); err != nil {
			return key, err
		}
		parsed, err := x509.ParsePKCS8PrivateKey(encoded)
		if err != nil {
			return key, fmt.Errorf("signing key %s: %w", key.id, err)
		}
		key.private, _ = parsed.(*ecdsa.PrivateKey)
		return key, nil
	})
	if err != nil {
		return err
	}
	k.mu.Lock()
	k.keys = keys
	k.mu.Unlock()
	return nil
}

// reload periodically reads the keys that other replicas created.
func (k *keyring) reload(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(reloadInterval):
		}
		if err := k.read(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

func (k *keyring) count() int {
	k.mu.RLock()
	defer k.mu.RUnlock()
	return len(k.keys)
}

// signer returns the newest key that all verifiers have loaded, or the oldest if all are new.
func (k *keyring) signer() signingKey {
	k.mu.RLock()
	defer k.mu.RUnlock()
	for _, key := range k.keys {
		if time.Since(key.created) >= signAfter {
			return key
		}
	}
	return k.keys[len(k.keys)-1]
}

// Key implements auth.KeySource.
func (k *keyring) Key(_ context.Context, id string) (crypto.PublicKey, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	i := slices.IndexFunc(k.keys, func(key signingKey) bool { return key.id == id })
	if i < 0 {
		return nil, fault.New(fault.Unauthenticated, "unknown key %q", id)
	}
	return &k.keys[i].private.PublicKey, nil
}

// jwks returns the JWKS document.
func (k *keyring) jwks() (auth.JWKS, error) {
	k.mu.RLock()
	defer k.mu.RUnlock()
	set := auth.JWKS{Keys: []auth.JWK{}}
	for _, key := range k.keys {
		jwk, err := auth.NewJWK(key.id, &key.private.PublicKey)
		if err != nil {
			return set, err
		}
		set.Keys = append(set.Keys, jwk)
	}
	return set, nil
}

// sign returns an access token with the claims.
func (k *keyring) sign(claims auth.Claims, lifetime time.Duration) (string, error) {
	return k.signFor(claims, k.audience, lifetime)
}

func (k *keyring) signFor(claims auth.Claims, audience string, lifetime time.Duration) (string, error) {
	now := time.Now()
	claims.Issuer, claims.Audience, claims.ID = k.issuer, jwt.ClaimStrings{audience}, uuid.NewString()
	claims.IssuedAt, claims.ExpiresAt = jwt.NewNumericDate(now), jwt.NewNumericDate(now.Add(lifetime))
	key := k.signer()
	token := jwt.NewWithClaims(jwt.SigningMethodES256, claims)
	token.Header["kid"] = key.id
	return token.SignedString(key.private)
}
