package auth

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudlab.example/platform/internal/fault"
)

// memoryStore implements keyValueStore; nothing expires.
type memoryStore struct {
	mu          sync.Mutex
	values      map[string]string
	sets        map[string]map[string]bool
	unavailable bool
}

func newMemoryStore() *memoryStore {
	return &memoryStore{values: map[string]string{}, sets: map[string]map[string]bool{}}
}

func (m *memoryStore) do(fn func()) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.unavailable {
		return fault.New(fault.Unavailable, "the session store is unavailable")
	}
	fn()
	return nil
}

func (m *memoryStore) Get(_ context.Context, key string) (value string, err error) {
	found := false
	if err = m.do(func() { value, found = m.values[key] }); err == nil && !found {
		err = fault.New(fault.NotFound, "not found")
	}
	return value, err
}

func (m *memoryStore) Set(_ context.Context, key, value string, _ time.Duration) error {
	return m.do(func() { m.values[key] = value })
}

func (m *memoryStore) Swap(_ context.Context, key, old, value string, _ time.Duration) (done bool, err error) {
	err = m.do(func() {
		if done = m.values[key] == old; done {
			m.values[key] = value
		}
	})
	return done, err
}

func (m *memoryStore) Take(ctx context.Context, key string) (string, error) {
	value, err := m.Get(ctx, key)
	return value, errors.Join(err, m.Delete(ctx, key))
}

func (m *memoryStore) Delete(_ context.Context, keys ...string) error {
	return m.do(func() {
		for _, key := range keys {
			delete(m.values, key)
		}
	})
}

func (m *memoryStore) AddTo(_ context.Context, set, member string, _ time.Duration) error {
	return m.do(func() {
		if m.sets[set] == nil {
			m.sets[set] = map[string]bool{}
		}
		m.sets[set][member] = true
	})
}

func (m *memoryStore) RemoveFrom(_ context.Context, set, member string) error {
	return m.do(func() { delete(m.sets[set], member) })
}

func (m *memoryStore) Members(_ context.Context, set string) (members []string, err error) {
	err = m.do(func() {
		for member := range m.sets[set] {
			members = append(members, member)
		}
	})
	return members, err
}

func TestRefreshTokenReuseEndsSession(t *testing.T) {
	s := &sessions{store: newMemoryStore(), ttl: time.Hour}
	opened, first, err := s.open(t.Context(), "u1", "", "browser")
	if err != nil {
		t.Fatal(err)
	}
	_, second, err := s.renew(t.Context(), first)
	if err != nil || second == first {
		t.Fatalf("renew: %v", err)
	}
	if _, _, err := s.renew(t.Context(), first); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("reused: %v", err)
	}
	if _, _, err := s.renew(t.Context(), second); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("the session did not end after a reuse: %v", err)
	}
	if found, err := s.list(t.Context(), "u1"); err != nil || len(found) != 0 {
		t.Errorf("session %s is still listed: %v", opened.ID, err)
	}
}

func TestSessionsWithoutRedis(t *testing.T) {
	store := newMemoryStore()
	s := &sessions{store: store, ttl: time.Hour}
	_, refresh, _ := s.open(t.Context(), "u1", "", "")
	store.unavailable = true
	if _, _, err := s.renew(t.Context(), refresh); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("renew: %v", err)
	}
	store.unavailable = false
	if _, _, err := s.renew(t.Context(), refresh); err != nil {
		t.Errorf("after Redis recovered: %v", err)
	}
}

func TestSecretsAreNotStored(t *testing.T) {
	store := newMemoryStore()
	_, refresh, _ := (&sessions{store: store, ttl: time.Hour}).open(t.Context(), "u1", "", "")
	_, word, _ := strings.Cut(refresh, ".")
	for key, value := range store.values {
		if strings.Contains(key+value, word) {
			t.Errorf("%s contains the refresh token", key)
		}
	}
}

func TestRegistrationValidate(t *testing.T) {
	good := registration{Email: "ada@example.org", Password: "correct horse", Name: "Ada"}
	change := func(do func(*registration)) registration { r := good; do(&r); return r }
	for name, test := range map[string]struct {
		body  registration
		wrong string
	}{
		"good":           {good, ""},
		"founds":         {change(func(r *registration) { r.Tenant = "my-shop" }), ""},
		"no address":     {change(func(r *registration) { r.Email = "ada" }), "email"},
		"a display name": {change(func(r *registration) { r.Email = "Ada <ada@example.org>" }), "email"},
		"short":          {change(func(r *registration) { r.Password = "short" }), "password"},
		"too long":       {change(func(r *registration) { r.Password = strings.Repeat("x", 73) }), "password"},
		"no name":        {change(func(r *registration) { r.Name = "" }), "name"},
		"bad tenant":     {change(func(r *registration) { r.Tenant = "My Shop" }), "tenant"},
		"both":           {change(func(r *registration) { r.Tenant, r.Invitation = "my-shop", "x" }), "invitation"},
	} {
		var faultErr *fault.Error
		err := test.body.Validate()
		if errors.As(err, &faultErr) != (test.wrong != "") || (faultErr != nil && faultErr.Fields[test.wrong] == "") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestChallenge(t *testing.T) {
	// RFC 7636, appendix B
	if got := challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"); got != "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" {
		t.Error(got)
	}
}
