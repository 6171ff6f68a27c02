package auth

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"cloudlab.example/platform/internal/config"
	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/logging"
)

// TokenSource obtains a service's own token by OAuth2 client credentials, and renews it before it expires.
type TokenSource struct {
	cfg    config.Client
	client *http.Client

	mu      sync.Mutex
	token   string
	renewAt time.Time
	expires time.Time
}

// NewTokenSource returns a source that requests its first token when it is used.
func NewTokenSource(cfg config.Client) *TokenSource {
	return &TokenSource{cfg: cfg, client: &http.Client{Timeout: 3 * time.Second}}
}

// Token returns a valid token. If auth is unavailable, it returns the previous token until that expires, then the error
// Unavailable.
func (s *TokenSource) Token(ctx context.Context) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	if now.Before(s.renewAt) {
		return s.token, nil
	}
	token, lifetime, err := s.fetch(ctx)
	if err != nil {
		if now.Before(s.expires) {
			s.renewAt = now.Add(time.Second)
			return s.token, nil
		}
		return "", err
	}
	s.token, s.renewAt, s.expires = token, now.Add(lifetime*3/4), now.Add(lifetime)
	return s.token, nil
}

func (s *TokenSource) fetch(ctx context.Context) (string, time.Duration, error) {
	form := url.Values{"grant_type": {"client_credentials"}}.Encode()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.cfg.TokenURL, strings.NewReader(form))
	if err != nil {
		return "", 0, err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set(logging.RequestIDHeader, logging.RequestID(ctx))
	request.SetBasicAuth(url.QueryEscape(s.cfg.ID), url.QueryEscape(s.cfg.Secret.Reveal()))
	response, err := s.client.Do(request)
	if err != nil {
		return "", 0, fault.Wrap(fault.Unavailable, err, "auth is unavailable: %s has no token", s.cfg.ID)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return "", 0, fault.New(fault.Unavailable, "auth rejected client %s with status %s. "+
			"Add its AUTH_CLIENT_ID and AUTH_CLIENT_SECRET to OAUTH_CLIENTS of auth", s.cfg.ID, response.Status)
	}
	var body struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
	}
	if err := json.NewDecoder(response.Body).Decode(&body); err != nil {
		return "", 0, fault.Wrap(fault.Unavailable, err, "the token response of auth is not valid JSON")
	}
	return body.AccessToken, time.Duration(body.ExpiresIn) * time.Second, nil
}

// GetRequestMetadata implements credentials.PerRPCCredentials.
func (s *TokenSource) GetRequestMetadata(ctx context.Context, _ ...string) (map[string]string, error) {
	token, err := s.Token(ctx)
	if err != nil {
		return nil, err
	}
	return map[string]string{"authorization": "Bearer " + token}, nil
}

// RequireTransportSecurity returns false: the environment's networks are private and unencrypted.
func (s *TokenSource) RequireTransportSecurity() bool { return false }
