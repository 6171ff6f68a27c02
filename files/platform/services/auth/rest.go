package auth

import (
	"context"
	"net/http"
	"net/mail"
	"regexp"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"cloudlab.example/platform/internal/auth"
	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/httpx"
)

const (
	invitationAudience = "invitation"
	invitationTTL      = 7 * 24 * time.Hour
	shortestPassword   = 10
	longestPassword    = 72 // bytes; bcrypt ignores the rest
)

var tenantName = regexp.MustCompile(`^[a-z][a-z0-9-]{1,38}[a-z0-9]$`)

func (s *Service) routes(mux *httpx.Mux) {
	mux.Handle("POST /api/v1/auth/register", s.register)
	mux.Handle("POST /api/v1/auth/login", s.login)
	mux.Handle("POST /api/v1/auth/refresh", s.refresh)
	mux.Handle("POST /api/v1/auth/logout", s.logout)
	mux.Handle("GET /api/v1/auth/me", s.me)
	mux.Handle("GET /api/v1/auth/sessions", s.listSessions)
	mux.Handle("DELETE /api/v1/auth/sessions/{id}", s.endSession)
	mux.Handle("POST /api/v1/auth/invitations", s.invite)
	mux.Handle("GET /api/v1/auth/roles", s.listRoles)
	mux.Handle("PUT /api/v1/auth/roles/{name}", s.putRole)
	mux.Handle("PUT /api/v1/auth/users/{id}/roles", s.setRoles)
	mux.Handle("POST /api/v1/auth/keys/rotate", s.rotateKeys)
}

type registration struct {
	Email      string `json:"email"`
	Password   string `json:"password"`
	Name       string `json:"name"`
	Phone      string `json:"phone"`
	Tenant     string `json:"tenant"`     // creates a new tenant, owned by this user
	Invitation string `json:"invitation"` // joins an existing one
}

// Validate is called by httpx.Decode.
func (r registration) Validate() error {
	var fields fault.Fields
	address, err := mail.ParseAddress(r.Email)
	fields.Check(err == nil && address.Address == r.Email, "email", "is not an email address")
	fields.Check(len(r.Password) >= shortestPassword && len(r.Password) <= longestPassword, "password",
		"must have 10 to 72 bytes")
	fields.Check(r.Name != "" && len(r.Name) <= 200, "name", "is required, and at most 200 bytes")
	fields.Check(r.Tenant == "" || tenantName.MatchString(r.Tenant), "tenant",
		"must be 3 to 40 lowercase letters, digits and dashes, and start with a letter")
	fields.Check(r.Tenant == "" || r.Invitation == "", "invitation", "must not be combined with tenant")
	return fields.Err()
}

func (s *Service) register(w http.ResponseWriter, r *http.Request) error {
	var body registration
	if err := httpx.Decode(w, r, &body); err != nil {
		return err
	}
	account := newAccount{
		Email: body.Email, Password: body.Password, Name: body.Name, Phone: body.Phone,
		Tenant: defaultTenant, Roles: []string{roleCustomer},
	}
	switch {
	case body.Tenant != "":
		account.Tenant, account.NewTenant, account.Roles = body.Tenant, true, []string{roleOwner}
	case body.Invitation != "":
		invitation, err := s.invitation(r.Context(), body.Invitation, body.Email)
		if err != nil {
			return err
		}
		account.Tenant, account.Roles = invitation.Tenant, invitation.Roles
	}
	u, err := s.accounts.create(r.Context(), account)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusCreated, u)
}

type credentials struct {
	Email    string `json:"email"`
	Password string `json:"password"`
}

// tokens is the response to a login (RFC 6749, 5.1).
type tokens struct {
	AccessToken  string `json:"access_token"`
	TokenType    string `json:"token_type"`
	ExpiresIn    int    `json:"expires_in"`
	RefreshToken string `json:"refresh_token,omitempty"`
	Scope        string `json:"scope,omitempty"`
}

func (s *Service) login(w http.ResponseWriter, r *http.Request) error {
	var body credentials
	if err := httpx.Decode(w, r, &body); err != nil {
		return err
	}
	u, err := s.accounts.authenticate(r.Context(), body.Email, body.Password)
	if err != nil {
		return err
	}
	opened, refresh, err := s.sessions.open(r.Context(), u.ID.String(), "", r.UserAgent())
	if err != nil {
		return err
	}
	return s.writeTokens(w, r, u, opened, refresh)
}

func (s *Service) refresh(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		RefreshToken string `json:"refresh_token"`
	}
	if err := httpx.Decode(w, r, &body); err != nil {
		return err
	}
	return s.renew(w, r, body.RefreshToken)
}

func (s *Service) renew(w http.ResponseWriter, r *http.Request, refresh string) error {
	renewed, next, err := s.sessions.renew(r.Context(), refresh)
	if err != nil {
		return err
	}
	u, err := s.accounts.byID(r.Context(), renewed.UserID)
	if err != nil {
		return err
	}
	if u.Disabled {
		return unauthenticated("the account is disabled")
	}
	return s.writeTokens(w, r, u, renewed, next)
}

func (s *Service) writeTokens(w http.ResponseWriter, r *http.Request, u user, sess session, refresh string) error {
	permissions, err := s.accounts.permissions(r.Context(), u.Roles)
	if err != nil {
		return err
	}
	access, err := s.keys.sign(auth.Claims{
		RegisteredClaims: jwt.RegisteredClaims{Subject: u.ID.String()}, Tenant: u.Tenant, Email: u.Email, Roles: u.Roles,
		Permissions: permissions, Session: sess.ID, ClientID: sess.ClientID,
	}, s.cfg.AccessTTL)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return httpx.JSON(w, http.StatusOK, tokens{
		AccessToken: access, TokenType: "Bearer", RefreshToken: refresh,
		ExpiresIn: int(s.cfg.AccessTTL.Seconds()),
	})
}

// activeSession returns the caller and its session. The error is Unauthenticated if the session has ended; other services
// accept its token until that expires.
func (s *Service) activeSession(ctx context.Context) (auth.Claims, session, error) {
	claims, err := auth.Caller(ctx)
	if err != nil {
		return claims, session{}, err
	}
	sess, _, err := s.sessions.get(ctx, claims.Session)
	return claims, sess, err
}

func (s *Service) logout(w http.ResponseWriter, r *http.Request) error {
	_, sess, err := s.activeSession(r.Context())
	if err != nil {
		return err
	}
	if err := s.sessions.end(r.Context(), sess); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Service) me(w http.ResponseWriter, r *http.Request) error {
	claims, _, err := s.activeSession(r.Context())
	if err != nil {
		return err
	}
	u, err := s.accounts.byID(r.Context(), claims.Subject)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]any{"user": u, "permissions": claims.Permissions, "session": claims.Session})
}

func (s *Service) listSessions(w http.ResponseWriter, r *http.Request) error {
	claims, _, err := s.activeSession(r.Context())
	if err != nil {
		return err
	}
	found, err := s.sessions.list(r.Context(), claims.Subject)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, httpx.List[session]{Items: found})
}

func (s *Service) endSession(w http.ResponseWriter, r *http.Request) error {
	claims, _, err := s.activeSession(r.Context())
	if err != nil {
		return err
	}
	target, _, err := s.sessions.get(r.Context(), r.PathValue("id"))
	if err != nil && fault.KindOf(err) != fault.Unauthenticated {
		return err
	}
	if err != nil || target.UserID != claims.Subject {
		return fault.New(fault.NotFound, "session %q not found", r.PathValue("id"))
	}
	if err := s.sessions.end(r.Context(), target); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// invite creates a code with which one person can join the caller's tenant.
func (s *Service) invite(w http.ResponseWriter, r *http.Request) error {
	claims, err := auth.Require(r.Context(), auth.UsersManage)
	if err != nil {
		return err
	}
	var body struct {
		Email string `json:"email"`
	}
	if err := httpx.Decode(w, r, &body); err != nil {
		return err
	}
	code, err := s.keys.signFor(auth.Claims{
		RegisteredClaims: jwt.RegisteredClaims{Subject: body.Email},
		Tenant:           claims.Tenant, Roles: []string{roleCustomer},
	}, invitationAudience, invitationTTL)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusCreated, map[string]any{
		"invitation": code, "tenant": claims.Tenant,
		"expires_in": int(invitationTTL.Seconds()),
	})
}

func (s *Service) invitation(ctx context.Context, code, email string) (auth.Claims, error) {
	claims, err := auth.NewVerifier(s.keys, s.cfg.Issuer, invitationAudience).Verify(ctx, code)
	if err != nil || claims.Subject != email {
		return claims, fault.Wrap(fault.Forbidden, err, "the invitation is not valid for %s", email)
	}
	return claims, nil
}

func (s *Service) listRoles(w http.ResponseWriter, r *http.Request) error {
	if _, err := auth.Require(r.Context(), auth.UsersManage); err != nil {
		return err
	}
	roles, err := s.accounts.roles(r.Context())
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, httpx.List[role]{Items: roles})
}

func (s *Service) putRole(w http.ResponseWriter, r *http.Request) error {
	if _, err := auth.Require(r.Context(), auth.PlatformAdmin); err != nil {
		return err
	}
	body := role{}
	if err := httpx.Decode(w, r, &body); err != nil {
		return err
	}
	body.Name = r.PathValue("name")
	if err := s.accounts.putRole(r.Context(), body); err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, body)
}

func (s *Service) setRoles(w http.ResponseWriter, r *http.Request) error {
	if _, err := auth.Require(r.Context(), auth.PlatformAdmin); err != nil {
		return err
	}
	var body struct {
		Roles []string `json:"roles"`
	}
	if err := httpx.Decode(w, r, &body); err != nil {
		return err
	}
	id, err := httpx.PathID(r, "account")
	if err != nil {
		return err
	}
	if err := s.accounts.setRoles(r.Context(), id, body.Roles); err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, body)
}

func (s *Service) rotateKeys(w http.ResponseWriter, r *http.Request) error {
	if _, err := auth.Require(r.Context(), auth.PlatformAdmin); err != nil {
		return err
	}
	if err := s.keys.rotate(r.Context()); err != nil {
		return err
	}
	set, err := s.keys.jwks()
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, set)
}
