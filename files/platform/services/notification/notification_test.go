package notification

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc"

	userv1 "cloudlab.example/platform/api/user/v1"
	"cloudlab.example/platform/internal/fault"
	"cloudlab.example/platform/internal/kafka"
)

func orderEvent(kind string) kafka.Event {
	return kafka.Event{Topic: kafka.OrderEvents, Type: kind, Key: "o1", Tenant: "t1", Data: []byte(`{"id":"o1","user_id":"u1",
		"total":1905,"currency":"EUR","reason":"payment declined","lines":[{"name":"Lamp","quantity":2}]}`)}
}

func TestRender(t *testing.T) {
	tests := []struct {
		event kafka.Event
		title string
		body  string
	}{
		{orderEvent("order.confirmed"), "Your order is confirmed", "Order o1 over 19.05 EUR is confirmed:\n- 2 x Lamp"},
		{orderEvent("order.cancelled"), "Your order could not be completed", "payment declined"},
		{kafka.Event{Type: "user.registered", Data: []byte(`{"name":"Ada","email":"ada@x"}`)}, "Welcome, Ada", "ada@x"},
		{orderEvent("order.reserved"), "", ""},
	}
	for _, test := range tests {
		t.Run(test.event.Type, func(t *testing.T) {
			m, ok, err := render(test.event)
			if err != nil || ok != (test.title != "") || m.Title != test.title || !strings.Contains(m.Body, test.body) {
				t.Errorf("%+v, %v, %v", m, ok, err)
			}
		})
	}
	if _, _, err := render(kafka.Event{Type: "order.confirmed", Data: []byte(`{}`)}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("an event without an order: %v", err)
	}
}

func TestDeliver(t *testing.T) {
	to := contact{Email: "fail@x", UserID: "u1"}
	got := deliver(t.Context(), mockSend, []string{channelPush, channelEmail, channelSMS}, to, message{Title: "Hi"})
	want := map[string]string{channelEmail: "failed", channelSMS: "skipped", channelPush: "sent"}
	if len(got) != len(want) {
		t.Fatalf("%+v", got)
	}
	for _, d := range got {
		if d.State != want[d.Channel] {
			t.Errorf("%s: %s, want %s", d.Channel, d.State, want[d.Channel])
		}
	}
}

// fakeUsers is a user service that returns an error or a contact.
type fakeUsers struct {
	userv1.UserServiceClient
	err error
}

func (d fakeUsers) GetContact(context.Context, *userv1.GetContactRequest, ...grpc.CallOption) (*userv1.Contact, error) {
	return &userv1.Contact{Email: "ada@x", Name: "Ada"}, d.err
}

// memoryInbox is an inbox in memory.
type memoryInbox struct {
	notifications []notification
}

func (*memoryInbox) preferences(context.Context, string) (preferences, error) {
	return defaultPreferences, nil
}

func (i *memoryInbox) add(_ context.Context, _ kafka.Event, n notification, send func() []delivery) error {
	n.Deliveries = send()
	i.notifications = append(i.notifications, n)
	return nil
}

func TestOnEvent(t *testing.T) {
	tests := []struct {
		name   string
		event  kafka.Event
		err    error // of the user service
		kind   fault.Kind
		emails string // what became of the mail; "" is no notification
	}{
		{"told", orderEvent("order.confirmed"), nil, 0, "sent"},
		{"nobody's business", orderEvent("order.reserved"), nil, 0, ""},
		{"no profile: the inbox only", orderEvent("order.confirmed"), fault.New(fault.NotFound, "none"), 0, "skipped"},
		{"user service unavailable: retry", orderEvent("order.confirmed"), fault.New(fault.Unavailable, "unavailable"), fault.Unavailable, ""},
		{"our token refused: later", orderEvent("order.confirmed"), fault.New(fault.Unauthenticated, "no"), fault.Unavailable, ""},
		{"concerns nobody", kafka.Event{
			Topic: kafka.PaymentEvents, Type: "payment.refunded", Key: "o1",
			Data: []byte(`{"order_id":"o1","amount":5,"currency":"EUR"}`),
		}, nil, fault.Invalid, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			box := &memoryInbox{}
			s := &Service{inbox: box, users: fakeUsers{err: test.err}, send: mockSend}
			err := s.onEvent(t.Context(), test.event)
			if (err != nil) != (test.kind != 0) || (err != nil && fault.KindOf(err) != test.kind) {
				t.Fatalf("error %v", err)
			}
			if (len(box.notifications) == 1) != (test.emails != "") {
				t.Fatalf("notifications %+v", box.notifications)
			}
			for _, n := range box.notifications {
				if n.UserID != "u1" || n.SubjectID != "o1" || n.Deliveries[0].State != test.emails {
					t.Errorf("%+v", n)
				}
			}
		})
	}
}

func TestPreferencesValidate(t *testing.T) {
	for _, test := range []struct {
		p  preferences
		ok bool
	}{
		{preferences{Channels: []string{"email", "sms"}}, true},
		{preferences{Channels: []string{"pigeon"}}, false},
		{preferences{Webhook: "https://example.org/x"}, true},
		{preferences{Webhook: "http://example.org/x"}, false},
	} {
		if err := test.p.Validate(); (err == nil) != test.ok {
			t.Errorf("%+v: %v", test.p, err)
		}
	}
}
