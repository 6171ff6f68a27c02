// Command ledger stores lines in its own database, whose DSN it builds from several variables, and responds in plain text over
// TCP.
package main

import (
	"bufio"
	"context"
	"fmt"
	"log"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"second.example/greet"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		log.Fatal("ledger: ", err)
	}
}

func run(ctx context.Context) error {
	pool, err := connect(ctx)
	if err != nil {
		return err
	}
	defer pool.Close()
	listener, err := net.Listen("tcp", ":"+os.Getenv("LEDGER_LISTEN_PORT"))
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = listener.Close() })
	for {
		connection, err := listener.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		go serve(ctx, pool, connection)
	}
}

// connect waits for the server without a limit, because it may start later than this service.
func connect(ctx context.Context) (*pgxpool.Pool, error) {
	pool, err := pgxpool.New(ctx, fmt.Sprintf("host=%s port=%s user=%s password=%s dbname=%s sslmode=disable",
		os.Getenv("PG_HOST"), os.Getenv("PG_PORT"), os.Getenv("PG_USER"), os.Getenv("PG_PASS"), os.Getenv("PG_NAME")))
	if err != nil {
		return nil, err
	}
	for {
		_, err := pool.Exec(ctx, "create table if not exists entry (line text not null)")
		if err == nil {
			return pool, nil
		}
		log.Print("ledger: the database is not ready: ", err)
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// serve stores each line that it receives and responds with their number.
func serve(ctx context.Context, pool *pgxpool.Pool, connection net.Conn) {
	defer connection.Close()
	lines := bufio.NewScanner(connection)
	for lines.Scan() {
		var count int
		_, err := pool.Exec(ctx, "insert into entry values ($1)", lines.Text())
		if err == nil {
			err = pool.QueryRow(ctx, "select count(*) from entry").Scan(&count)
		}
		if err != nil {
			fmt.Fprintln(connection, "error:", err)
			return
		}
		fmt.Fprintf(connection, "%s, %d lines\n", greet.Word, count)
	}
}
