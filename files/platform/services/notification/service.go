// Package notification notifies users of events: in an inbox, and over the channels that they choose.
package notification

import (
	"context"
	"embed"
	"encoding/json"

	"cloudlab.example/platform/internal/app"
	"cloudlab.example/platform/internal/config"
	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/kafka"
	"cloudlab.example/platform/internal/outbox"
	"cloudlab.example/platform/internal/pg"

	userv1 "cloudlab.example/platform/api/user/v1"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Config is the service's environment.
type Config struct {
	config.Common
	config.Tokens
	config.Client
	config.Postgres
	config.Kafka
	UserAddr string `env:"USER_GRPC_ADDR" envDefault:"user:9090"`
	SMTPAddr string `env:"SMTP_ADDR"` // empty: e-mail is mocked
	MailFrom string `env:"MAIL_FROM" envDefault:"Cloudlab <shop@example.org>"`
}

// inbox is the part of the store that the consumer uses.
type inbox interface {
	preferences(ctx context.Context, user string) (preferences, error)
	add(ctx context.Context, event kafka.Event, n notification, send func() []delivery) error
}

// Service is what the routes and the consumer work with.
type Service struct {
	inbox inbox
	store *store
	users userv1.UserServiceClient
	send  sender
}

// Setup wires the service together.
func Setup(a *app.App, cfg Config) error {
	send, err := newSender(cfg.SMTPAddr, cfg.MailFrom)
	if err != nil {
		return err
	}
	pool, err := pg.Open(a, cfg.Postgres, outbox.Migrations, pg.Migrations{Files: migrations})
	if err != nil {
		return err
	}
	producer, err := kafka.NewProducer(a, cfg.Kafka)
	if err != nil {
		return err
	}
	users, err := a.Dial("user", cfg.UserAddr, cfg.Client)
	if err != nil {
		return err
	}
	st := &store{pool: pool, events: outbox.New(a, pool, producer)}
	s := &Service{inbox: st, store: st, users: userv1.NewUserServiceClient(users), send: send}
	a.VerifyRemote(cfg.Tokens)
	s.routes(a.API)
	kafka.Each(a, cfg.Kafka, []string{kafka.AuthEvents, kafka.OrderEvents, kafka.PaymentEvents}, s.onEvent)
	return nil
}

// onEvent sends the message of an event once.
func (s *Service) onEvent(ctx context.Context, event kafka.Event) error {
	m, ok, err := render(event)
	if err != nil || !ok {
		return err
	}
	user, err := recipient(event)
	if err != nil {
		return err
	}
	preferred, err := s.inbox.preferences(ctx, user)
	if err != nil {
		return err
	}
	to, err := s.contact(ctx, event, user)
	if err != nil {
		return err
	}
	to.Webhook = preferred.Webhook
	n := notification{UserID: user, Tenant: event.Tenant, Kind: event.Type, SubjectID: event.Key, Title: m.Title, Body: m.Body}
	return s.inbox.add(ctx, event, n, func() []delivery { return deliver(ctx, s.send, preferred.Channels, to, m) })
}

// recipient returns the user that the event concerns.
func recipient(event kafka.Event) (string, error) {
	var data struct {
		ID     json.RawMessage `json:"id"`
		UserID string          `json:"user_id"`
	}
	if err := event.Decode(&data); err != nil {
		return "", err
	}
	if event.Topic == kafka.AuthEvents {
		return event.Key, nil
	}
	if data.UserID == "" {
		return "", fault.New(fault.Invalid, "%s has no user", event)
	}
	return data.UserID, nil
}

// contact returns the contact data from the user service, or from the event for a new account, whose profile may not exist
// yet. Without a profile the message goes only to the inbox; if the service is unavailable, the event is retried.
func (s *Service) contact(ctx context.Context, event kafka.Event, user string) (contact, error) {
	if event.Type == "user.registered" {
		var account struct{ Name, Email, Phone string }
		err := event.Decode(&account)
		return contact{Name: account.Name, Email: account.Email, Phone: account.Phone, UserID: user}, err
	}
	found, err := s.users.GetContact(ctx, &userv1.GetContactRequest{UserId: user})
	if kind := fault.KindOf(err); err != nil && (kind == fault.NotFound || kind == fault.Invalid) {
		return contact{UserID: user}, nil
	}
	if err != nil {
		return contact{}, fault.Wrap(fault.Unavailable, err, "the contact data of user %s is unavailable", user)
	}
	return contact{Name: found.GetName(), Email: found.GetEmail(), Phone: found.GetPhone(), UserID: user}, nil
}
