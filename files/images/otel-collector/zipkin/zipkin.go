// Package zipkin sends traces to a Zipkin server, in its own JSON format: the component `zipkin` of the upstream
// distribution, with the settings of it that are used here.
package zipkin

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/open-telemetry/opentelemetry-collector-contrib/pkg/translator/zipkin/zipkinv2"
	"github.com/openzipkin/zipkin-go/reporter"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// Config is how the server is reached: `endpoint` is the whole address, http://zipkin:9411/api/v2/spans.
type Config struct {
	confighttp.ClientConfig `mapstructure:",squash"`

	Queue configoptional.Optional[exporterhelper.QueueBatchConfig] `mapstructure:"sending_queue"`
	Retry configretry.BackOffConfig                                `mapstructure:"retry_on_failure"`
}

// Validate says what is missing.
func (c *Config) Validate() error {
	if c.Endpoint == "" {
		return errors.New("endpoint must be set")
	}
	return nil
}

// NewFactory makes the component's factory.
func NewFactory() exporter.Factory {
	return exporter.NewFactory(component.MustNewType("zipkin"), defaults,
		exporter.WithTraces(create, component.StabilityLevelBeta))
}

func defaults() component.Config {
	return &Config{
		ClientConfig: confighttp.NewDefaultClientConfig(),
		Queue:        configoptional.Some(exporterhelper.NewDefaultQueueConfig()),
		Retry:        configretry.NewDefaultBackOffConfig(),
	}
}

func create(ctx context.Context, settings exporter.Settings, cfg component.Config) (exporter.Traces, error) {
	config := cfg.(*Config)
	s := &sender{endpoint: config.Endpoint}
	return exporterhelper.NewTraces(ctx, settings, config, s.push,
		exporterhelper.WithStart(func(ctx context.Context, host component.Host) (err error) {
			s.client, err = config.ToClient(ctx, host.GetExtensions(), settings.TelemetrySettings)
			return err
		}),
		exporterhelper.WithQueue(config.Queue), exporterhelper.WithRetry(config.Retry))
}

type sender struct {
	endpoint string
	client   *http.Client
}

// push sends spans in one request. What the server calls malformed is not sent again.
func (s *sender) push(ctx context.Context, traces ptrace.Traces) error {
	spans, err := zipkinv2.FromTranslator{}.FromTraces(traces)
	if err != nil {
		return consumererror.NewPermanent(err)
	}
	serializer := reporter.JSONSerializer{}
	body, err := serializer.Serialize(spans)
	if err != nil {
		return consumererror.NewPermanent(err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, s.endpoint, bytes.NewReader(body))
	if err != nil {
		return consumererror.NewPermanent(err)
	}
	request.Header.Set("Content-Type", serializer.ContentType())
	response, err := s.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, response.Body) // so that the connection can be used again
	switch {
	case response.StatusCode < http.StatusMultipleChoices:
		return nil
	case response.StatusCode == http.StatusBadRequest:
		return consumererror.NewPermanent(fmt.Errorf("%s: %s", s.endpoint, response.Status))
	}
	return fmt.Errorf("%s: %s", s.endpoint, response.Status)
}
