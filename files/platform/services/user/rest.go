package user

import (
	"net/http"
	"regexp"

	"github.com/google/uuid"

	"cloudlab.example/platform/internal/auth"
	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/httpx"
)

func (s *Service) routes(mux *httpx.Mux) {
	mux.Handle("GET /api/v1/users/me", s.me)
	mux.Handle("PATCH /api/v1/users/me", s.changeMe)
	mux.Handle("GET /api/v1/users", s.list)
	mux.Handle("GET /api/v1/users/{id}", s.get)
	mux.Handle("GET /api/v1/tenants/me", s.myTenant)
	mux.Handle("PATCH /api/v1/tenants/me", s.renameTenant)
}

var localeTag = regexp.MustCompile(`^[a-z]{2}(-[A-Z]{2})?$`)

// Validate is called by httpx.Decode.
func (c change) Validate() error {
	var fields fault.Fields
	fields.Check(c.Name == nil || (*c.Name != "" && len(*c.Name) <= 200), "name", "must have 1 to 200 bytes")
	fields.Check(c.Phone == nil || len(*c.Phone) <= 40, "phone", "must have at most 40 bytes")
	fields.Check(c.Locale == nil || localeTag.MatchString(*c.Locale), "locale", "must be a tag such as en or de-CH")
	return fields.Err()
}

// caller returns the caller and its user ID. Services are Forbidden.
func caller(r *http.Request) (auth.Claims, uuid.UUID, error) {
	claims, err := auth.Caller(r.Context())
	if err != nil {
		return claims, uuid.Nil, err
	}
	id, err := uuid.Parse(claims.Subject)
	if err != nil {
		return claims, id, fault.New(fault.Forbidden, "%s is a service: only users have a profile", claims.Subject)
	}
	return claims, id, nil
}

func (s *Service) me(w http.ResponseWriter, r *http.Request) error {
	claims, id, err := caller(r)
	if err != nil {
		return err
	}
	p, err := s.store.profile(r.Context(), scope(claims.Tenant), id)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, p)
}

func (s *Service) changeMe(w http.ResponseWriter, r *http.Request) error {
	claims, id, err := caller(r)
	if err != nil {
		return err
	}
	var body change
	if err := httpx.Decode(w, r, &body); err != nil {
		return err
	}
	p, err := s.store.update(r.Context(), scope(claims.Tenant), id, body)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, p)
}

func (s *Service) list(w http.ResponseWriter, r *http.Request) error {
	claims, err := auth.Require(r.Context(), auth.UsersManage)
	if err != nil {
		return err
	}
	page, err := httpx.PageOf(r)
	if err != nil {
		return err
	}
	found, err := s.store.profiles(r.Context(), scopeOf(claims), page)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, httpx.ListOf(page, found, func(p profile) uuid.UUID { return p.ID }))
}

// get responds with NotFound if the caller may not see the user, so that it does not reveal whether the user exists.
func (s *Service) get(w http.ResponseWriter, r *http.Request) error {
	claims, err := auth.Caller(r.Context())
	if err != nil {
		return err
	}
	id, err := httpx.PathID(r, "user")
	if err != nil {
		return err
	}
	if !mayRead(claims, id) {
		return notFound(id)
	}
	p, err := s.store.profile(r.Context(), scopeOf(claims), id)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, p)
}

func (s *Service) myTenant(w http.ResponseWriter, r *http.Request) error {
	claims, err := auth.Caller(r.Context())
	if err != nil {
		return err
	}
	return s.writeTenant(w, r, claims.Tenant, "")
}

func (s *Service) renameTenant(w http.ResponseWriter, r *http.Request) error {
	claims, err := auth.Require(r.Context(), auth.UsersManage)
	if err != nil {
		return err
	}
	var body struct {
		Name string `json:"name"`
	}
	if err := httpx.Decode(w, r, &body); err != nil {
		return err
	}
	var fields fault.Fields
	fields.Check(body.Name != "" && len(body.Name) <= 200, "name", "must have 1 to 200 bytes")
	if err := fields.Err(); err != nil {
		return err
	}
	return s.writeTenant(w, r, claims.Tenant, body.Name)
}

func (s *Service) writeTenant(w http.ResponseWriter, r *http.Request, id, rename string) error {
	found, err := s.store.tenant(r.Context(), id, rename)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, found)
}
