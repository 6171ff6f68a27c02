package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/redis/go-redis/v9"

	"cloudlab.example/platform/internal/fault"
)

// keyValueStore are the operations of Redis that sessions use.
type keyValueStore interface {
	Get(ctx context.Context, key string) (string, error) // NotFound if there is no such key
	Set(ctx context.Context, key, value string, ttl time.Duration) error
	// Swap sets the key only if it still has the old value.
	Swap(ctx context.Context, key, old, value string, ttl time.Duration) (bool, error)
	Take(ctx context.Context, key string) (string, error) // gets and deletes
	Delete(ctx context.Context, keys ...string) error
	AddTo(ctx context.Context, set, member string, ttl time.Duration) error
	RemoveFrom(ctx context.Context, set, member string) error
	Members(ctx context.Context, set string) ([]string, error)
}

// session is a login on one device. It ends when its refresh token expires.
type session struct {
	ID        string    `json:"id"`
	UserID    string    `json:"user_id"`
	ClientID  string    `json:"client_id,omitempty"`
	UserAgent string    `json:"user_agent,omitempty"`
	CreatedAt time.Time `json:"created_at"`
	RenewedAt time.Time `json:"renewed_at"`
	Secret    string    `json:"secret,omitempty"` // hash of the secret in the current refresh token
}

type sessions struct {
	store keyValueStore
	ttl   time.Duration
}

func sessionKey(id string) string { return "auth:session:" + id }
func userSetKey(id string) string { return "auth:user-sessions:" + id }
func codeKey(code string) string  { return "auth:code:" + digest(code) }
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}
func unauthenticated(reason string) error { return fault.New(fault.Unauthenticated, "%s", reason) }
func token(id, secret string) string      { return id + "." + secret }

// open creates a session and returns it with its first refresh token.
func (s *sessions) open(ctx context.Context, userID, clientID, agent string) (session, string, error) {
	now := time.Now().UTC()
	secret := rand.Text()
	opened := session{
		ID: uuid.NewString(), UserID: userID, ClientID: clientID, UserAgent: agent, CreatedAt: now,
		RenewedAt: now, Secret: digest(secret),
	}
	encoded, err := json.Marshal(opened)
	if err != nil {
		return opened, "", err
	}
	if err := s.store.Set(ctx, sessionKey(opened.ID), string(encoded), s.ttl); err != nil {
		return opened, "", err
	}
	return opened, token(opened.ID, secret), s.store.AddTo(ctx, userSetKey(userID), opened.ID, s.ttl)
}

// renew exchanges a refresh token for the next one. Reuse of a token ends the session, because the token may be stolen.
func (s *sessions) renew(ctx context.Context, refresh string) (session, string, error) {
	id, secret, _ := strings.Cut(refresh, ".")
	current, encoded, err := s.get(ctx, id)
	if err != nil {
		return current, "", err
	}
	if current.Secret != digest(secret) {
		if err := s.end(ctx, current); err != nil {
			return current, "", err
		}
		return current, "", unauthenticated("the refresh token was already used: the session was ended")
	}
	next := rand.Text()
	current.Secret, current.RenewedAt = digest(next), time.Now().UTC()
	renewed, err := json.Marshal(current)
	if err != nil {
		return current, "", err
	}
	swapped, err := s.store.Swap(ctx, sessionKey(id), encoded, string(renewed), s.ttl)
	if err == nil && !swapped {
		err = unauthenticated("the refresh token is used concurrently")
	}
	return current, token(id, next), err
}

// get returns a session and its stored form.
func (s *sessions) get(ctx context.Context, id string) (session, string, error) {
	var found session
	encoded, err := s.store.Get(ctx, sessionKey(id))
	if fault.KindOf(err) == fault.NotFound {
		return found, "", unauthenticated("the session has ended")
	}
	if err != nil {
		return found, "", err
	}
	return found, encoded, json.Unmarshal([]byte(encoded), &found)
}

func (s *sessions) end(ctx context.Context, ended session) error {
	return errors.Join(s.store.Delete(ctx, sessionKey(ended.ID)),
		s.store.RemoveFrom(ctx, userSetKey(ended.UserID), ended.ID))
}

// list returns a user's sessions without their secrets, and removes expired ones from the user's set.
func (s *sessions) list(ctx context.Context, userID string) ([]session, error) {
	ids, err := s.store.Members(ctx, userSetKey(userID))
	if err != nil {
		return nil, err
	}
	found := []session{}
	for _, id := range ids {
		sess, _, err := s.get(ctx, id)
		switch fault.KindOf(err) {
		case fault.Unauthenticated:
			_ = s.store.RemoveFrom(ctx, userSetKey(userID), id)
			continue
		}
		if err != nil {
			return nil, err
		}
		sess.Secret = ""
		found = append(found, sess)
	}
	return found, nil
}

// redisStore implements keyValueStore.
type redisStore struct{ client *redis.Client }

var swapScript = redis.NewScript(
	`if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
	redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) return 1`)

func (r redisStore) Get(ctx context.Context, key string) (string, error) {
	value, err := r.client.Get(ctx, key).Result()
	return value, fromRedis(err)
}

func (r redisStore) Set(ctx context.Context, key, value string, ttl time.Duration) error {
	return fromRedis(r.client.Set(ctx, key, value, ttl).Err())
}

func (r redisStore) Swap(ctx context.Context, key, old, value string, ttl time.Duration) (bool, error) {
	done, err := swapScript.Run(ctx, r.client, []string{key}, old, value, ttl.Milliseconds()).Int()
	return done == 1, fromRedis(err)
}

func (r redisStore) Take(ctx context.Context, key string) (string, error) {
	value, err := r.client.GetDel(ctx, key).Result()
	return value, fromRedis(err)
}

func (r redisStore) Delete(ctx context.Context, keys ...string) error {
	return fromRedis(r.client.Del(ctx, keys...).Err())
}

func (r redisStore) AddTo(ctx context.Context, set, member string, ttl time.Duration) error {
	_, err := r.client.Pipelined(ctx, func(p redis.Pipeliner) error {
		p.SAdd(ctx, set, member)
		p.Expire(ctx, set, ttl)
		return nil
	})
	return fromRedis(err)
}

func (r redisStore) RemoveFrom(ctx context.Context, set, member string) error {
	return fromRedis(r.client.SRem(ctx, set, member).Err())
}

func (r redisStore) Members(ctx context.Context, set string) ([]string, error) {
	members, err := r.client.SMembers(ctx, set).Result()
	return members, fromRedis(err)
}

// fromRedis gives an error a kind: every failure of Redis is retryable.
func fromRedis(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, redis.Nil):
		return fault.Wrap(fault.NotFound, err, "not found")
	}
	return fault.Wrap(fault.Unavailable, err, "the session store is unavailable")
}
