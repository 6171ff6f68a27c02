package auth

import (
	"context"
	"crypto"
	"errors"
	"net/http"
	"strings"

	"github.com/golang-jwt/jwt/v5"

	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/httpx"
)

// KeySource finds a public key by its ID. The error is Unauthenticated for an unknown ID, and Unavailable if there are no
// keys yet.
type KeySource interface {
	Key(ctx context.Context, id string) (crypto.PublicKey, error)
}

// Verifier checks tokens.
type Verifier struct {
	keys   KeySource
	parser *jwt.Parser
}

// NewVerifier returns a verifier that accepts the tokens of one issuer for one audience.
func NewVerifier(keys KeySource, issuer, audience string) *Verifier {
	return &Verifier{keys: keys, parser: jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodES256.Alg()}),
		jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
	)}
}

// Verify returns the claims of a valid token.
func (v *Verifier) Verify(ctx context.Context, token string) (Claims, error) {
	var claims Claims
	_, err := v.parser.ParseWithClaims(token, &claims, func(t *jwt.Token) (any, error) {
		id, _ := t.Header["kid"].(string)
		return v.keys.Key(ctx, id)
	})
	switch {
	case err == nil:
		return claims, nil
	case fault.Retryable(err):
		return claims, fault.Wrap(fault.Unavailable, err, "the token cannot be verified: the signing keys of auth are unavailable")
	case errors.Is(err, jwt.ErrTokenExpired):
		return claims, fault.Wrap(fault.Unauthenticated, err, "the token has expired")
	}
	return claims, fault.Wrap(fault.Unauthenticated, err, "the token is not valid")
}

// VerifyHeader verifies an Authorization header. If it is empty, the caller is anonymous and the context unchanged.
func (v *Verifier) VerifyHeader(ctx context.Context, header string) (context.Context, error) {
	if header == "" {
		return ctx, nil
	}
	scheme, token, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "bearer") {
		return ctx, fault.New(fault.Unauthenticated, "the authorization scheme must be Bearer")
	}
	claims, err := v.Verify(ctx, strings.TrimSpace(token))
	if err != nil {
		return ctx, err
	}
	return WithClaims(ctx, claims), nil
}

// Middleware accepts anonymous callers and valid tokens; it rejects invalid tokens even on public routes.
func (v *Verifier) Middleware(next http.Handler) http.Handler {
	return httpx.Handler(func(w http.ResponseWriter, r *http.Request) error {
		header := r.Header.Get("Authorization")
		if strings.HasPrefix(header, "Basic ") {
			header = "" // of OAuth2 clients; the token endpoint checks it
		}
		ctx, err := v.VerifyHeader(r.Context(), header)
		if err != nil {
			return err
		}
		next.ServeHTTP(w, r.WithContext(ctx))
		return nil
	})
}
