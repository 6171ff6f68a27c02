// Command fleet reads a file in its working directory and serves only the gRPC health protocol.
package main

import (
	"context"
	"flag"
	"log"
	"net"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	"google.golang.org/grpc/health/grpc_health_v1"
)

func main() {
	address := flag.String("listen", ":7000", "address to listen on")
	flag.Parse()
	content, err := os.ReadFile("fleet.conf")
	if err != nil {
		log.Fatal("fleet: the working directory must contain the configuration: ", err)
	}
	listener, err := net.Listen("tcp", *address)
	if err != nil {
		log.Fatal(err)
	}
	checks := health.NewServer()
	checks.SetServingStatus("second.Fleet", grpc_health_v1.HealthCheckResponse_SERVING)
	server := grpc.NewServer()
	grpc_health_v1.RegisterHealthServer(server, checks)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, server.GracefulStop)
	log.Print("fleet: ", strings.TrimSpace(string(content)))
	if err := server.Serve(listener); err != nil {
		log.Fatal(err)
	}
}
