// Command builder builds the services of a platform, and rebuilds them whenever their source changes.
//
//	builder run <configuration file>
//	builder health
package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"cloudlab.example/reload/internal/build"
)

// memoryLimit is far more than the builder itself needs. Without it, the builder would keep memory from the compilers for
// minutes after it has read a generated file of many megabytes.
const memoryLimit = 32 << 20

// readyFile exists once the builder detects changes. It is on a tmpfs, so it does not survive the container.
const readyFile = "/run/cloudlab/ready"

func main() {
	if err := command(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "builder:", err)
		os.Exit(1)
	}
}

func command(arguments []string) error {
	switch {
	case len(arguments) == 2 && arguments[0] == "run":
		return run(arguments[1])
	case len(arguments) == 1 && arguments[0] == "health":
		_, err := os.Stat(readyFile)
		return err
	}
	return fmt.Errorf("usage: builder run <configuration file> | builder health")
}

func run(file string) error {
	debug.SetMemoryLimit(memoryLimit)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	retry := make(chan os.Signal, 1)
	signal.Notify(retry, syscall.SIGHUP)
	config, err := build.ReadConfig(file)
	if err != nil {
		return err
	}
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stdout, nil)))
	return build.Run(ctx, config, retry, func() error { return os.WriteFile(readyFile, nil, 0o644) })
}
