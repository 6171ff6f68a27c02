// Command builder builds the services of a platform, again whenever their source changes.
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
	"syscall"

	"cloudlab.example/reload/internal/build"
)

// watching exists while a builder sees changes. It lies on a tmpfs, so it never outlives the container.
const watching = "/run/cloudlab/watching"

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
		_, err := os.Stat(watching)
		return err
	}
	return fmt.Errorf("usage: builder run <configuration file> | builder health")
}

func run(file string) error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	retry := make(chan os.Signal, 1)
	signal.Notify(retry, syscall.SIGHUP)
	config, err := build.ReadConfig(file)
	if err != nil {
		return err
	}
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stdout, nil)))
	return build.Run(ctx, config, retry, func() error { return os.WriteFile(watching, nil, 0o644) })
}
