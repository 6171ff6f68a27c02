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

// KeySource finds a public key by its id. An unknown id is Unauthenticated; keys that cannot be had are Unavailable.
type KeySource interface {
	Key(ctx context.Context, id string) (crypto.PublicKey, error)
}

// Verifier checks tokens.
type Verifier struct {
	keys   KeySource
	parser *jwt.Parser
}

// NewVerifier accepts the tokens of one issuer for one audience.
func NewVerifier(keys KeySource, issuer, audience string) *Verifier {
	return &Verifier{keys: keys, parser: jwt.NewParser(
		jwt.WithValidMethods([]string{jwt.SigningMethodES256.Alg()}),
		jwt.WithIssuer(issuer), jwt.WithAudience(audience), jwt.WithExpirationRequired(), jwt.WithIssuedAt(),
	)}
}

// Verify returns what a token says, or why it is refused.
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
		return claims, fault.Wrap(fault.Unavailable, err, "tokens cannot be verified: the keys of auth cannot be had")
	case errors.Is(err, jwt.ErrTokenExpired):
		return claims, fault.Wrap(fault.Unauthenticated, err, "the token has expired")
	}
	return claims, fault.Wrap(fault.Unauthenticated, err, "the token is not valid")
}

// VerifyHeader verifies an Authorization header. An empty one is an anonymous caller: the context is returned as it is.
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

// Middleware lets anonymous and valid callers through; a token that is not valid is refused even on public routes.
func (v *Verifier) Middleware(next http.Handler) http.Handler {
	return httpx.Handler(func(w http.ResponseWriter, r *http.Request) error {
		header := r.Header.Get("Authorization")
		if strings.HasPrefix(header, "Basic ") {
			header = "" // OAuth2 clients authenticate so at the token endpoint, which checks it itself
		}
		ctx, err := v.VerifyHeader(r.Context(), header)
		if err != nil {
			return err
		}
		next.ServeHTTP(w, r.WithContext(ctx))
		return nil
	})
}
