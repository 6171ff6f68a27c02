// Package textencoding writes log records as plain text, a line each: the component `text_encoding` of the upstream
// distribution, as far as it is used here.
package textencoding

import (
	"bytes"
	"context"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/extension"
	"go.opentelemetry.io/collector/pdata/plog"
)

// Config holds what stands after each record.
type Config struct {
	MarshalingSeparator string `mapstructure:"marshaling_separator"`
}

// NewFactory makes the component's factory.
func NewFactory() extension.Factory {
	return extension.NewFactory(component.MustNewType("text_encoding"),
		func() component.Config { return &Config{MarshalingSeparator: "\n"} },
		func(_ context.Context, _ extension.Settings, cfg component.Config) (extension.Extension, error) {
			return &encoding{separator: cfg.(*Config).MarshalingSeparator}, nil
		}, component.StabilityLevelBeta)
}

type encoding struct{ separator string }

func (*encoding) Start(context.Context, component.Host) error { return nil }

func (*encoding) Shutdown(context.Context) error { return nil }

// MarshalLogs writes the bodies of all records.
func (e *encoding) MarshalLogs(logs plog.Logs) ([]byte, error) {
	var text bytes.Buffer
	for _, resource := range logs.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for i, record := range scope.LogRecords().All() {
				if i > 0 || text.Len() > 0 {
					text.WriteString(e.separator)
				}
				text.WriteString(record.Body().AsString())
			}
		}
	}
	return text.Bytes(), nil
}
