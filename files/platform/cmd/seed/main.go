// Command seed fills the platform with sample data through its gateway. playbooks/seed.yml runs it. It reports progress
// on standard output; the last line is the result, in JSON.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"cloudlab.example/platform/internal/config"
	"cloudlab.example/platform/internal/seed"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	cfg, err := config.Load[seed.Config]()
	if err != nil {
		return err
	}
	result, err := seed.Run(ctx, cfg, func(format string, args ...any) { fmt.Printf(format+"\n", args...) })
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}
