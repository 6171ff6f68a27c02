package auth

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"cloudlab.example/platform/internal/fault"
)

// JWK is a public EC key of the curve P-256 (RFC 7517).
type JWK struct {
	KeyID     string `json:"kid"`
	KeyType   string `json:"kty"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	Y         string `json:"y"`
}

// JWKS is a set of published keys.
type JWKS struct {
	Keys []JWK `json:"keys"`
}

const coordinate = 32 // bytes of a P-256 coordinate

// NewJWK returns the JWK of a public key.
func NewJWK(id string, key *ecdsa.PublicKey) (JWK, error) {
	point, err := key.Bytes() // 4 || X || Y
	if err != nil {
		return JWK{}, err
	}
	return JWK{
		KeyID: id, KeyType: "EC", Use: "sig", Algorithm: "ES256", Curve: "P-256",
		X: base64.RawURLEncoding.EncodeToString(point[1 : 1+coordinate]),
		Y: base64.RawURLEncoding.EncodeToString(point[1+coordinate:]),
	}, nil
}

// PublicKey decodes the key.
func (k JWK) PublicKey() (*ecdsa.PublicKey, error) {
	if k.KeyType != "EC" || k.Curve != "P-256" {
		return nil, fmt.Errorf("key %s: %s %s is not supported", k.KeyID, k.KeyType, k.Curve)
	}
	x, errX := base64.RawURLEncoding.DecodeString(k.X)
	y, errY := base64.RawURLEncoding.DecodeString(k.Y)
	if err := errors.Join(errX, errY); err != nil {
		return nil, fmt.Errorf("key %s: %w", k.KeyID, err)
	}
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), append(append([]byte{4}, x...), y...))
}

const (
	refreshEvery = 5 * time.Minute        // keys are rotated manually, thus rarely
	refreshRetry = time.Second            // after a failed refresh
	refreshLimit = 500 * time.Millisecond // minimum interval: forged key IDs must not cause a flood of requests
)

// RemoteKeys fetches and caches the keys that auth publishes. It works without auth once it has them.
type RemoteKeys struct {
	url    string
	client *http.Client

	mu      sync.Mutex
	keys    map[string]crypto.PublicKey
	err     error // of the last fetch
	fetched time.Time
}

// NewRemoteKeys returns the keys of a JWKS URL.
func NewRemoteKeys(url string) *RemoteKeys {
	return &RemoteKeys{
		url: url, client: &http.Client{Timeout: 3 * time.Second},
		err: errors.New("the keys have not been fetched yet"),
	}
}

// Run keeps the keys fresh until the context ends.
func (k *RemoteKeys) Run(ctx context.Context) error {
	for {
		wait := refreshEvery
		if err := k.refresh(ctx); err != nil {
			wait = refreshRetry
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// Ready returns an error until keys have been fetched once.
func (k *RemoteKeys) Ready(context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.keys == nil {
		return k.err
	}
	return nil
}

// Key implements KeySource. An unknown ID causes a refresh: the key may be newer than the cached set.
func (k *RemoteKeys) Key(ctx context.Context, id string) (crypto.PublicKey, error) {
	if key, ok := k.cached(id); ok {
		return key, nil
	}
	err := k.refresh(ctx)
	if key, ok := k.cached(id); ok {
		return key, nil
	}
	if err != nil {
		return nil, fault.Wrap(fault.Unavailable, err, "the signing keys of auth are unavailable")
	}
	return nil, fault.New(fault.Unauthenticated, "unknown key %q", id)
}

func (k *RemoteKeys) cached(id string) (crypto.PublicKey, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, ok := k.keys[id]
	return key, ok
}

func (k *RemoteKeys) refresh(ctx context.Context) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if time.Since(k.fetched) < refreshLimit {
		return k.err
	}
	keys, err := k.fetch(ctx)
	if ctx.Err() != nil {
		return ctx.Err() // cancelled by the caller: not a failure of auth
	}
	k.fetched, k.err = time.Now(), err
	if err == nil {
		k.keys = keys
	}
	return err
}

func (k *RemoteKeys) fetch(ctx context.Context) (map[string]crypto.PublicKey, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	if err != nil {
		return nil, err
	}
	response, err := k.client.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: status %s", k.url, response.Status)
	}
	var set JWKS
	if err := json.NewDecoder(response.Body).Decode(&set); err != nil {
		return nil, fmt.Errorf("%s: %w", k.url, err)
	}
	keys := make(map[string]crypto.PublicKey, len(set.Keys))
	for _, jwk := range set.Keys {
		if keys[jwk.KeyID], err = jwk.PublicKey(); err != nil {
			return nil, fmt.Errorf("%s: %w", k.url, err)
		}
	}
	return keys, nil
}
