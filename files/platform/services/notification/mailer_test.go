package notification

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
)

// smtpServer answers on a port of its own. replies overrides its reply to a command; a reply is used once.
type smtpServer struct {
	addr     string
	replies  chan string // to MAIL
	received chan string // what followed DATA
}

func newSMTPServer(t *testing.T, replies ...string) *smtpServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	server := &smtpServer{listener.Addr().String(), make(chan string, len(replies)), make(chan string, 9)}
	for _, reply := range replies {
		server.replies <- reply
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // closed: the test is over
			}
			go server.serve(textproto.NewConn(conn))
		}
	}()
	return server
}

func (s *smtpServer) serve(conn *textproto.Conn) {
	defer conn.Close()
	_ = conn.PrintfLine("220 ready")
	for {
		line, err := conn.ReadLine()
		if err != nil {
			return
		}
		reply := "250 ok"
		switch verb, _, _ := strings.Cut(line, " "); verb {
		case "MAIL":
			select {
			case reply = <-s.replies:
			default:
			}
		case "DATA":
			_ = conn.PrintfLine("354 go on")
			data, err := conn.ReadDotBytes()
			if err != nil {
				return
			}
			s.received <- string(data)
		case "QUIT":
			_ = conn.PrintfLine("221 bye")
			return
		}
		if reply == "hang up" {
			return
		}
		_ = conn.PrintfLine("%s", reply)
	}
}

var greeting = message{ID: uuid.New(), Title: "Grüße an Ada", Body: "Hello Ada,\n.\nthat is 5 € = a lot"}

func newTestSender(t *testing.T, addr string) sender {
	t.Helper()
	send, err := newSender(addr, "Shop <shop@example.org>")
	if err != nil {
		t.Fatal(err)
	}
	return send
}

func TestEmailIsDeliveredWithItsHeaders(t *testing.T) {
	server := newSMTPServer(t)
	done := deliver(t.Context(), newTestSender(t, server.addr), []string{channelEmail, channelPush},
		contact{Email: "ada@example.org", UserID: "u1"}, greeting)
	for _, d := range done {
		if d.State != "sent" {
			t.Errorf("%+v", d)
		}
	}
	if len(done) != 2 || len(server.received) != 1 {
		t.Fatalf("%d deliveries, %d e-mails", len(done), len(server.received))
	}
	got, err := mail.ReadMessage(strings.NewReader(<-server.received))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
	if err != nil || subject != greeting.Title {
		t.Errorf("subject %q, %v", subject, err)
	}
	for name, want := range map[string]string{
		"From":         `"Shop" <shop@example.org>`,
		"To":           "<ada@example.org>",
		"Message-Id":   fmt.Sprintf("<%s@example.org>", greeting.ID),
		"Content-Type": "text/plain; charset=utf-8",
	} {
		if got.Header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.Header.Get(name), want)
		}
	}
	if date, err := got.Header.Date(); err != nil || time.Since(date) > time.Minute {
		t.Errorf("date %v, %v", date, err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(got.Body))
	if err != nil || strings.ReplaceAll(string(body), "\r\n", "\n") != greeting.Body+"\n" {
		t.Errorf("body %q, %v", body, err)
	}
}

func TestEmailIsRepeatedAfterATemporaryFailureOnly(t *testing.T) {
	for _, test := range []struct {
		replies   []string
		delivered int
		err       string
	}{
		{[]string{"451 try again"}, 1, ""},
		{[]string{"hang up", "451 try again"}, 1, ""},
		{[]string{"451 a", "451 b", "451 c"}, 0, `451 "c"`},
		{[]string{"550 no such user"}, 0, `550 "no such user"`},
	} {
		t.Run(strings.Join(test.replies, ","), func(t *testing.T) {
			server := newSMTPServer(t, test.replies...)
			err := newTestSender(t, server.addr)(t.Context(), channelEmail, "ada@example.org", greeting)
			if (err != nil) != (test.err != "") || (err != nil && err.Error() != test.err) {
				t.Errorf("error %v", err)
			}
			if len(server.received) != test.delivered || len(server.replies) != 0 {
				t.Errorf("%d e-mails, %d replies left", len(server.received), len(server.replies))
			}
		})
	}
}

func TestEmailDoesNotOutliveItsContext(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") // accepts connections, and never says a word
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err = newTestSender(t, listener.Addr().String())(ctx, channelEmail, "ada@example.org", greeting)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
}

func TestEmailAddressesCannotAddHeaders(t *testing.T) {
	server := newSMTPServer(t)
	send := newTestSender(t, server.addr)
	if err := send(t.Context(), channelEmail, "ada@example.org\r\nBcc: eve@example.org", greeting); err == nil {
		t.Error("the address was accepted")
	}
	if err := send(t.Context(), channelEmail, "ada@example.org", message{Title: "Hi\r\nBcc: eve@example.org"}); err != nil {
		t.Fatal(err)
	}
	got, err := mail.ReadMessage(strings.NewReader(<-server.received))
	if err != nil || got.Header.Get("Bcc") != "" {
		t.Errorf("%v, %v", got, err)
	}
}

func TestNewSenderRefusesMalformedSettings(t *testing.T) {
	for name, args := range map[string][2]string{
		"SMTP_ADDR": {"mailpit", "shop@example.org"},
		"MAIL_FROM": {"mailpit:1025", "nobody"},
	} {
		if _, err := newSender(args[0], args[1]); err == nil || !strings.HasPrefix(err.Error(), name+": ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
