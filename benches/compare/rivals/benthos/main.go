// Benthos with one processor of its own: a Go map with the list, asked for ten fields of each event.
package main

import (
	"bufio"
	"context"
	"os"

	_ "github.com/redpanda-data/benthos/v4/public/components/io"
	_ "github.com/redpanda-data/benthos/v4/public/components/pure"
	"github.com/redpanda-data/benthos/v4/public/service"
)

var fields = []string{
	"id.orig_h", "id.resp_h", "query", "server_name", "host", "referrer", "md5", "sha1", "sha256", "src_ip",
}

type tagger struct {
	listed map[string]struct{}
}

func newTagger(conf *service.ParsedConfig, _ *service.Resources) (service.Processor, error) {
	path, err := conf.FieldString("list")
	if err != nil {
		return nil, err
	}
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	listed := make(map[string]struct{}, 1<<20)
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		listed[lines.Text()] = struct{}{}
	}
	return &tagger{listed}, lines.Err()
}

func (t *tagger) Process(_ context.Context, message *service.Message) (service.MessageBatch, error) {
	parsed, err := message.AsStructuredMut()
	if err != nil {
		return service.MessageBatch{message}, nil
	}
	event, ok := parsed.(map[string]any)
	if !ok {
		return service.MessageBatch{message}, nil
	}
	for _, field := range fields {
		if value, ok := event[field].(string); ok {
			if _, ok := t.listed[value]; ok {
				event["ti"] = value
				break
			}
		}
	}
	message.SetStructuredMut(event)
	return service.MessageBatch{message}, nil
}

func (t *tagger) Close(context.Context) error { return nil }

func main() {
	spec := service.NewConfigSpec().Field(service.NewStringField("list"))
	if err := service.RegisterProcessor("intel", spec, newTagger); err != nil {
		panic(err)
	}
	service.RunCLI(context.Background())
}
