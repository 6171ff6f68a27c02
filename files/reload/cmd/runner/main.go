// Command runner runs a service's program in its container, and checks its health.
//
//	runner run <directory> [argument …]   run the program in this directory, and each new one that is published
//	runner health <address>               succeed if the service is healthy
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

// healthTimeout applies when the command is run by hand; the engine has a timeout of its own.
const healthTimeout = 5 * time.Second

func main() {
	// It is idle nearly all the time: memory matters more than the cost of garbage collection.
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
		ctx, cancel := context.WithTimeout(context.Background(), healthTimeout)
		defer cancel()
		if err := health.Check(ctx, arguments[1], supervise.DefaultOptions().StateFile); err != nil {
			return 1, err
		}
		return 0, nil
	}
	return 2, errors.New("usage: runner run <directory> [argument …] | runner health <address>")
}

func run(dir string, arguments []string) (int, error) {
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, syscall.SIGTERM, os.Interrupt, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGQUIT)
	options := supervise.DefaultOptions()
	options.Dir, options.Arguments = dir, arguments
	return supervise.Run(context.Background(), options, signals)
}
