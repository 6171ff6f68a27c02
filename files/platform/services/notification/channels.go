package notification

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
)

const (
	channelEmail   = "email"
	channelSMS     = "sms"
	channelPush    = "push"
	channelWebhook = "webhook"
)

// channels are the ways to reach a person besides the inbox, which always gets the message.
var channels = []string{channelEmail, channelSMS, channelPush, channelWebhook}

// contact is how a person can be reached.
type contact struct {
	Name, Email, Phone, Webhook, UserID string
}

// address returns where a channel reaches the person; "" when it cannot.
func (c contact) address(channel string) string {
	switch channel {
	case channelEmail:
		return c.Email
	case channelSMS:
		return c.Phone
	case channelPush:
		return "device of " + c.UserID
	case channelWebhook:
		return c.Webhook
	}
	return ""
}

// delivery is what became of a message on one channel.
type delivery struct {
	Channel string `json:"channel"`
	Address string `json:"address,omitempty"`
	State   string `json:"state"` // sent, failed or skipped
	Detail  string `json:"detail,omitempty"`
}

// sender brings a message to an address.
type sender func(ctx context.Context, channel, address string, m message) error

// newSender returns a sender that delivers e-mail through the SMTP server at addr. Without addr, e-mail is mocked too.
func newSender(addr, from string) (sender, error) {
	if addr == "" {
		return mockSend, nil
	}
	mailer, err := newMailer(addr, from)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, channel, address string, m message) error {
		if channel != channelEmail {
			return mockSend(ctx, channel, address, m)
		}
		err := mailer.send(ctx, address, m)
		if err != nil {
			slog.WarnContext(ctx, "e-mail not delivered", "address", address, "title", m.Title, "error", err)
			return err
		}
		slog.InfoContext(ctx, "sent", "channel", channel, "address", address, "title", m.Title)
		return nil
	}, nil
}

// mockSend stands for SMS and push gateways, webhooks and, without a mail server, e-mail: it writes a log line. Addresses
// that contain "fail" fail, for tests.
func mockSend(ctx context.Context, channel, address string, m message) error {
	if strings.Contains(address, "fail") {
		return errors.New("the mocked provider refused the address")
	}
	slog.InfoContext(ctx, "sent", "channel", channel, "address", address, "title", m.Title)
	return nil
}

// deliver tries every channel that the person wants. One that fails does not keep the others from being tried.
func deliver(ctx context.Context, send sender, wanted []string, to contact, m message) []delivery {
	var done []delivery
	for _, channel := range channels {
		if !slices.Contains(wanted, channel) {
			continue
		}
		d := delivery{Channel: channel, Address: to.address(channel), State: "sent"}
		if d.Address == "" {
			d.State, d.Detail = "skipped", "no address"
		} else if err := send(ctx, channel, d.Address, m); err != nil {
			d.State, d.Detail = "failed", cmp.Or(err.Error(), "unknown")
		}
		done = append(done, d)
	}
	return done
}
