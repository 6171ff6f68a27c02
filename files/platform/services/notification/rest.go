package notification

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"cloudlab.example/platform/internal/auth"
	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/httpx"
)

func (s *Service) routes(mux *httpx.Mux) {
	mux.Handle("GET /api/v1/notifications", s.list)
	mux.Handle("GET /api/v1/notifications/unread-count", s.unreadCount)
	mux.Handle("POST /api/v1/notifications/{id}/read", s.read)
	mux.Handle("GET /api/v1/notifications/preferences", s.getPreferences)
	mux.Handle("PUT /api/v1/notifications/preferences", s.putPreferences)
}

// list returns the caller's inbox; ?unread=true returns only unread messages.
func (s *Service) list(w http.ResponseWriter, r *http.Request) error {
	claims, err := auth.Caller(r.Context())
	if err != nil {
		return err
	}
	page, err := httpx.PageOf(r)
	if err != nil {
		return err
	}
	found, err := s.store.list(r.Context(), claims.Subject, r.URL.Query().Get("unread") == "true", page)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, httpx.ListOf(page, found, func(n notification) uuid.UUID { return n.ID }))
}

func (s *Service) unreadCount(w http.ResponseWriter, r *http.Request) error {
	claims, err := auth.Caller(r.Context())
	if err != nil {
		return err
	}
	count, err := s.store.unread(r.Context(), claims.Subject)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, map[string]int64{"unread": count})
}

func (s *Service) read(w http.ResponseWriter, r *http.Request) error {
	claims, err := auth.Caller(r.Context())
	if err != nil {
		return err
	}
	id, err := httpx.PathID(r, "notification")
	if err != nil {
		return err
	}
	if err := s.store.markRead(r.Context(), claims.Subject, id); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (s *Service) getPreferences(w http.ResponseWriter, r *http.Request) error {
	claims, err := auth.Caller(r.Context())
	if err != nil {
		return err
	}
	p, err := s.store.preferences(r.Context(), claims.Subject)
	if err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, p)
}

// Validate is called by httpx.Decode.
func (p preferences) Validate() error {
	var fields fault.Fields
	for _, channel := range p.Channels {
		fields.Check(slices.Contains(channels, channel), "channels", "must be one of "+strings.Join(channels, ", "))
	}
	target, err := url.Parse(p.Webhook)
	fields.Check(p.Webhook == "" || (err == nil && target.Scheme == "https" && target.Host != ""), "webhook", "must be an https URL")
	return fields.Err()
}

func (s *Service) putPreferences(w http.ResponseWriter, r *http.Request) error {
	claims, err := auth.Caller(r.Context())
	if err != nil {
		return err
	}
	var body preferences
	if err := httpx.Decode(w, r, &body); err != nil {
		return err
	}
	if body.Channels == nil {
		body.Channels = []string{}
	}
	if err := s.store.setPreferences(r.Context(), claims.Subject, body); err != nil {
		return err
	}
	return httpx.JSON(w, http.StatusOK, body)
}
