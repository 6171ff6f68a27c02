// Command content runs the content service. Its settings come from the environment.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"cloudlab.example/platform/internal/app"
	"cloudlab.example/platform/internal/config"
	"cloudlab.example/platform/services/content"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "content:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context) error {
	cfg, err := config.Load[content.Config]()
	if err != nil {
		return err
	}
	return app.Run(ctx, "content", cfg.Common, func(a *app.App) error { return content.Setup(a, cfg) })
}
