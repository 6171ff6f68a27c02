// Package metrics defines the Prometheus metrics that all services share. Labels have few values: routes, not paths.
package metrics

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

var buckets = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

// Metrics of all services, in base units.
var (
	HTTPRequests = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name: "http_server_request_duration_seconds", Help: "Duration of requests, by route and status.",
		Buckets: buckets,
	}, []string{"method", "route", "status"})

	GRPCServer = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name: "grpc_server_call_duration_seconds", Help: "Duration of handled calls, by method and code.", Buckets: buckets,
	}, []string{"method", "code"})

	GRPCClient = promauto.NewHistogramVec(prometheus.HistogramOpts{
		Name: "grpc_client_call_duration_seconds", Help: "Duration of calls to other services, including retries.",
		Buckets: buckets,
	}, []string{"method", "code"})

	BreakerOpen = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "grpc_client_breaker_open", Help: "1 while the circuit breaker of this service is open.",
	}, []string{"target"})

	Consumed = promauto.NewCounterVec(prometheus.CounterOpts{
		Name: "kafka_consumer_records_total", Help: "Records by outcome: done, retried, dead (sent to the dead letter topic).",
	}, []string{"topic", "outcome"})

	ConsumerLag = promauto.NewGaugeVec(prometheus.GaugeOpts{
		Name: "kafka_consumer_lag_records", Help: "Records of the partition that are not fetched yet.",
	}, []string{"topic", "partition"})

	OutboxPublished = promauto.NewCounter(prometheus.CounterOpts{
		Name: "outbox_published_total", Help: "Events published from the outbox to Kafka.",
	})

	OutboxDelay = promauto.NewHistogram(prometheus.HistogramOpts{
		Name: "outbox_delay_seconds", Help: "Time from an event's creation to its delivery to Kafka.", Buckets: buckets,
	})
)

// Handler serves the metrics.
func Handler() http.Handler { return promhttp.Handler() }
