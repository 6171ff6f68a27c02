package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"cloudlab.example/platform/internal/auth"
	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/httpx"
)

const codeTTL = time.Minute

func (s *Service) oauthRoutes(mux *httpx.Mux) {
	mux.Handle("GET /.well-known/jwks.json", s.jwks)
	mux.Handle("GET /.well-known/oauth-authorization-server", s.metadata)
	mux.Handle("GET /oauth2/authorize", s.authorize)
	mux.Handle("POST /oauth2/token", s.token)
	mux.Handle("POST /oauth2/revoke", s.revoke)
	mux.Handle("POST /oauth2/introspect", s.introspect)
}

func (s *Service) jwks(w http.ResponseWriter, _ *http.Request) error {
	set, err := s.keys.jwks()
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "public, max-age=60")
	return httpx.JSON(w, http.StatusOK, set)
}

// metadata describes the server (RFC 8414).
func (s *Service) metadata(w http.ResponseWriter, _ *http.Request) error {
	issuer := s.cfg.Issuer
	return httpx.JSON(w, http.StatusOK, map[string]any{
		"issuer": issuer, "jwks_uri": issuer + "/.well-known/jwks.json",
		"authorization_endpoint": issuer + "/oauth2/authorize", "token_endpoint": issuer + "/oauth2/token",
		"revocation_endpoint": issuer + "/oauth2/revoke", "introspection_endpoint": issuer + "/oauth2/introspect",
		"response_types_supported": []string{"code"}, "code_challenge_methods_supported": []string{"S256"},
		"grant_types_supported":                 []string{"authorization_code", "client_credentials", "refresh_token"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_post", "none"},
	})
}

// grant is the data of an authorization code.
type grant struct {
	UserID      string `json:"user_id"`
	ClientID    string `json:"client_id"`
	RedirectURI string `json:"redirect_uri"`
	Challenge   string `json:"challenge"`
}

// authorize implements the authorization code flow with PKCE (RFC 7636). It issues a code for the caller, who sends a bearer
// token; in production, a login page would precede this route.
func (s *Service) authorize(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	redirect, known := s.cfg.PublicClients[query.Get("client_id")]
	var fields fault.Fields
	fields.Check(known, "client_id", "is unknown")
	fields.Check(known && redirect == query.Get("redirect_uri"), "redirect_uri", "does not match the registered one")
	fields.Check(query.Get("response_type") == "code", "response_type", "must be code")
	fields.Check(query.Get("code_challenge_method") == "S256", "code_challenge_method", "must be S256")
	fields.Check(len(query.Get("code_challenge")) == 43, "code_challenge", "must be a base64url-encoded SHA-256 hash")
	if err := fields.Err(); err != nil {
		return err
	}
	claims, _, err := s.activeSession(r.Context())
	if err != nil {
		return err
	}
	code := rand.Text()
	encoded, err := json.Marshal(grant{claims.Subject, query.Get("client_id"), redirect, query.Get("code_challenge")})
	if err != nil {
		return err
	}
	if err := s.sessions.store.Set(r.Context(), codeKey(code), string(encoded), codeTTL); err != nil {
		return err
	}
	parameters := url.Values{"code": {code}, "iss": {s.cfg.Issuer}}
	if state := query.Get("state"); state != "" {
		parameters.Set("state", state)
	}
	http.Redirect(w, r, redirect+"?"+parameters.Encode(), http.StatusFound)
	return nil
}

// oauthError responds as RFC 6749, 5.2 requires, instead of with problem details.
func oauthError(w http.ResponseWriter, status int, code, description string) error {
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Basic realm="oauth2"`)
	}
	return httpx.JSON(w, status, map[string]string{"error": code, "error_description": description})
}

func (s *Service) token(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, httpx.MaxBody)
	switch r.PostFormValue("grant_type") {
	case "client_credentials":
		return s.clientCredentials(w, r)
	case "authorization_code":
		return s.exchangeCode(w, r)
	case "refresh_token":
		err := s.renew(w, r, r.PostFormValue("refresh_token"))
		if fault.KindOf(err) == fault.Unauthenticated {
			return oauthError(w, http.StatusBadRequest, "invalid_grant", err.Error())
		}
		return err
	}
	return oauthError(w, http.StatusBadRequest, "unsupported_grant_type",
		"use client_credentials, authorization_code or refresh_token")
}

// client authenticates a client by its secret, in the header or in the form.
func (s *Service) client(r *http.Request) (string, bool) {
	id, secret, ok := r.BasicAuth()
	if ok { // both are form-encoded first (RFC 6749, 2.3.1)
		id, _ = url.QueryUnescape(id)
		secret, _ = url.QueryUnescape(secret)
	} else {
		id, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	}
	want, known := s.cfg.Clients[id]
	return id, known && subtle.ConstantTimeCompare([]byte(want.Reveal()), []byte(secret)) == 1
}

func (s *Service) clientCredentials(w http.ResponseWriter, r *http.Request) error {
	id, ok := s.client(r)
	if !ok {
		return oauthError(w, http.StatusUnauthorized, "invalid_client", "unknown client or wrong secret")
	}
	permissions, err := s.accounts.permissions(r.Context(), []string{roleService})
	if err != nil {
		return err
	}
	access, err := s.keys.sign(auth.Claims{
		RegisteredClaims: jwt.RegisteredClaims{Subject: id}, Tenant: platformTenant,
		Roles: []string{roleService}, Permissions: permissions, ClientID: id,
	}, s.cfg.AccessTTL)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpx.JSON(w, http.StatusOK, tokens{
		AccessToken: access, TokenType: "Bearer",
		ExpiresIn: int(s.cfg.AccessTTL.Seconds()), Scope: strings.Join(permissions, " "),
	})
}

func (s *Service) exchangeCode(w http.ResponseWriter, r *http.Request) error {
	grant, err := s.consumeGrant(r.Context(), r.PostFormValue("code"))
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return err
	}
	valid := err == nil && grant.ClientID == r.PostFormValue("client_id") &&
		grant.RedirectURI == r.PostFormValue("redirect_uri") && grant.Challenge == challenge(r.PostFormValue("code_verifier"))
	if !valid {
		return oauthError(w, http.StatusBadRequest, "invalid_grant", "the code, client_id, redirect_uri or code_verifier is wrong")
	}
	u, err := s.accounts.byID(r.Context(), grant.UserID)
	if err != nil {
		return err
	}
	opened, refresh, err := s.sessions.open(r.Context(), grant.UserID, grant.ClientID, r.UserAgent())
	if err != nil {
		return err
	}
	return s.writeTokens(w, r, u, opened, refresh)
}

// consumeGrant returns the grant of a code, which can be used only once.
func (s *Service) consumeGrant(ctx context.Context, code string) (grant, error) {
	var given grant
	encoded, err := s.sessions.store.Take(ctx, codeKey(code))
	if err != nil {
		return given, err
	}
	return given, json.Unmarshal([]byte(encoded), &given)
}

// challenge returns the S256 code challenge of a PKCE verifier.
func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// revoke ends the session of a refresh or access token (RFC 7009). An unknown token counts as revoked.
func (s *Service) revoke(w http.ResponseWriter, r *http.Request) error {
	token := r.PostFormValue("token")
	id, _, _ := strings.Cut(token, ".")
	if claims, err := s.verify(r.Context(), token); err == nil {
		id = claims.Session
	}
	found, _, err := s.sessions.get(r.Context(), id)
	switch {
	case fault.KindOf(err) == fault.Unauthenticated:
	case err != nil:
		return err
	default:
		if err := s.sessions.end(r.Context(), found); err != nil {
			return err
		}
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

func (s *Service) verify(ctx context.Context, raw string) (auth.Claims, error) {
	return auth.NewVerifier(s.keys, s.cfg.Issuer, s.cfg.Audience).Verify(ctx, raw)
}

// introspect tells a client whether an access token is currently valid: signature, expiry and session (RFC 7662).
func (s *Service) introspect(w http.ResponseWriter, r *http.Request) error {
	if _, ok := s.client(r); !ok {
		return oauthError(w, http.StatusUnauthorized, "invalid_client", "unknown client or wrong secret")
	}
	claims, err := s.verify(r.Context(), r.PostFormValue("token"))
	if err == nil && claims.Session != "" {
		_, _, err = s.sessions.get(r.Context(), claims.Session)
	}
	if fault.Retryable(err) {
		return err
	}
	if err != nil {
		return httpx.JSON(w, http.StatusOK, map[string]any{"active": false})
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{
		"active": true, "sub": claims.Subject, "client_id": claims.ClientID,
		"tenant": claims.Tenant, "exp": claims.ExpiresAt.Unix(), "iat": claims.IssuedAt.Unix(), "iss": claims.Issuer,
		"scope": strings.Join(claims.Permissions, " "), "token_type": "Bearer",
	})
}
