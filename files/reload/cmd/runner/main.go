// Command runner runs a service's program in its container, and asks it for its health.
//
//	runner run <folder> [argument …]   run the program in this folder, and each new one that arrives
//	runner health <address>            succeed when the service is in order
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"cloudlab.example/reload/internal/health"
	"cloudlab.example/reload/internal/supervise"
)

// The engine gives a health check a time of its own; this one is for those who ask by hand.
const patience = 5 * time.Second

func main() {
	// It waits nearly all the time: what it holds matters more than how fast it collects.
	debug.SetGCPercent(20)
	status, err := command(os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "cloudlab:", err)
	}
	os.Exit(status)
}

func command(arguments []string) (int, error) {
	switch {
	case len(arguments) >= 2 && arguments[0] == "run":
		return run(arguments[1], arguments[2:])
	case len(arguments) == 2 && arguments[0] == "health":
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := health.Check(ctx, arguments[1], supervise.Defaults().StateFile); err != nil {
			return 1, err
		}
		return 0, nil
	}
	return 2, errors.New("usage: runner run <folder> [argument …] | runner health <address>")
}

func run(folder string, arguments []string) (int, error) {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGQUIT)
	options := supervise.Defaults()
	options.Folder, options.Arguments = folder, arguments
	return supervise.Run(context.Background(), options, signals)
}
