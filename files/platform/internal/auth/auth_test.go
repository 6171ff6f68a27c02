package auth

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"cloudlab.example/platform/internal/config"
	"cloudlab.example/platform/internal/fault"
)

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// jwksServer publishes one key as "k1" and counts the requests.
func jwksServer(t *testing.T, key *ecdsa.PrivateKey, requests *atomic.Int32) *httptest.Server {
	t.Helper()
	jwk, err := NewJWK("k1", &key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		requests.Add(1)
		_ = json.NewEncoder(w).Encode(JWKS{Keys: []JWK{jwk}})
	}))
	t.Cleanup(server.Close)
	return server
}

func sign(t *testing.T, method jwt.SigningMethod, key any, id string, change func(*Claims)) string {
	t.Helper()
	claims := Claims{RegisteredClaims: jwt.RegisteredClaims{
		Issuer: "iss", Audience: jwt.ClaimStrings{"aud"}, Subject: "u1",
		IssuedAt: jwt.NewNumericDate(time.Now()), ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Minute)),
	}, Tenant: "t1", Permissions: []string{OrdersPlace}}
	if change != nil {
		change(&claims)
	}
	token := jwt.NewWithClaims(method, claims)
	token.Header["kid"] = id
	signed, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestVerify(t *testing.T) {
	key, otherKey := newKey(t), newKey(t)
	var requests atomic.Int32
	verifier := NewVerifier(NewRemoteKeys(jwksServer(t, key, &requests).URL), "iss", "aud")
	es256 := jwt.SigningMethodES256
	tests := []struct {
		name, token string
		ok          bool
	}{
		{"valid", sign(t, es256, key, "k1", nil), true},
		{"forged by another key", sign(t, es256, otherKey, "k1", nil), false},
		{"unknown key ID", sign(t, es256, otherKey, "k2", nil), false},
		{"expired", sign(t, es256, key, "k1", func(c *Claims) {
			c.ExpiresAt = jwt.NewNumericDate(time.Now().Add(-time.Second))
		}), false},
		{"never expires", sign(t, es256, key, "k1", func(c *Claims) { c.ExpiresAt = nil }), false},
		{"other issuer", sign(t, es256, key, "k1", func(c *Claims) { c.Issuer = "x" }), false},
		{"other audience", sign(t, es256, key, "k1", func(c *Claims) { c.Audience = jwt.ClaimStrings{"x"} }), false},
		{"algorithm none", sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, "k1", nil), false},
		{"symmetric algorithm", sign(t, jwt.SigningMethodHS256, []byte("k"), "k1", nil), false},
		{"garbage", "abc", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			claims, err := verifier.Verify(t.Context(), test.token)
			if test.ok {
				if err != nil || claims.Subject != "u1" || claims.Tenant != "t1" {
					t.Fatalf("%+v, %v", claims, err)
				}
				return
			}
			if fault.KindOf(err) != fault.Unauthenticated {
				t.Fatalf("error %v, want Unauthenticated", err)
			}
		})
	}
	if requests.Load() > 2 {
		t.Errorf("%d requests for the keys", requests.Load())
	}
}

func TestKeysRemainWithoutAuth(t *testing.T) {
	key := newKey(t)
	var requests atomic.Int32
	server := jwksServer(t, key, &requests)
	keys := NewRemoteKeys(server.URL)
	verifier := NewVerifier(keys, "iss", "aud")
	token := sign(t, jwt.SigningMethodES256, key, "k1", nil)
	if keys.Ready(t.Context()) == nil {
		t.Error("ready before any key was fetched")
	}
	if _, err := verifier.Verify(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	server.Close()
	if _, err := verifier.Verify(t.Context(), token); err != nil {
		t.Errorf("auth unavailable: %v", err)
	}
	if err := keys.Ready(t.Context()); err != nil {
		t.Errorf("not ready although keys are cached: %v", err)
	}
}

func TestKeysNeverFetched(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	verifier := NewVerifier(NewRemoteKeys(server.URL), "iss", "aud")
	_, err := verifier.Verify(t.Context(), sign(t, jwt.SigningMethodES256, newKey(t), "k1", nil))
	if fault.KindOf(err) != fault.Unavailable {
		t.Errorf("error %v, want Unavailable: the token may be valid", err)
	}
}

func TestMiddleware(t *testing.T) {
	key := newKey(t)
	var requests atomic.Int32
	verifier := NewVerifier(NewRemoteKeys(jwksServer(t, key, &requests).URL), "iss", "aud")
	handler := verifier.Middleware(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := Require(r.Context(), OrdersPlace); err != nil {
			w.WriteHeader(http.StatusTeapot)
		}
	}))
	for header, want := range map[string]int{
		"": http.StatusTeapot,
		"Bearer " + sign(t, jwt.SigningMethodES256, key, "k1", nil): http.StatusOK,
		"bearer " + sign(t, jwt.SigningMethodES256, key, "k1", nil): http.StatusOK,
		"Bearer wrong":  http.StatusUnauthorized,
		"Digest abc":    http.StatusUnauthorized,
		"Basic YTpi":    http.StatusTeapot,
		"Bearer  extra": http.StatusUnauthorized,
	} {
		recorder := httptest.NewRecorder()
		request := httptest.NewRequest("GET", "/", nil)
		request.Header.Set("Authorization", header)
		handler.ServeHTTP(recorder, request)
		if recorder.Code != want {
			t.Errorf("%.12q: %d, want %d", header, recorder.Code, want)
		}
	}
}

func TestRequire(t *testing.T) {
	if _, err := Require(context.Background(), OrdersPlace); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("anonymous: %v", err)
	}
	customer := WithClaims(t.Context(), Claims{Permissions: []string{OrdersPlace}})
	if _, err := Require(customer, CatalogueWrite); fault.KindOf(err) != fault.Forbidden {
		t.Errorf("customer: %v", err)
	}
	admin := WithClaims(t.Context(), Claims{Permissions: []string{PlatformAdmin}})
	if _, err := Require(admin, CatalogueWrite); err != nil {
		t.Errorf("admin: %v", err)
	}
}

func TestTokenSourceReusesItsToken(t *testing.T) {
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if id, secret, _ := r.BasicAuth(); id != "order" || secret != "s3" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(`{"access_token":"abc","expires_in":60}`))
	}))
	defer server.Close()
	source := NewTokenSource(config.Client{TokenURL: server.URL, ID: "order", Secret: "s3"})
	for range 3 {
		token, err := source.Token(t.Context())
		if err != nil || token != "abc" {
			t.Fatalf("%q, %v", token, err)
		}
	}
	if requests.Load() != 1 {
		t.Errorf("%d token requests", requests.Load())
	}
	_, err := NewTokenSource(config.Client{TokenURL: server.URL, ID: "order", Secret: "bad"}).Token(t.Context())
	if !fault.Retryable(err) {
		t.Errorf("refused: %v", err)
	}
}

var _ KeySource = (*RemoteKeys)(nil)
