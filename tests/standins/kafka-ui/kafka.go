package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
)

const (
	metadata      = 3
	dialTimeout   = 5 * time.Second
	maxAnswerSize = 1 << 20
)

// topics asks a bootstrap server for the topics, and connects to each broker at the address that it advertises, as
// every client of Kafka does.
func topics(server string) ([]string, error) {
	answer, err := request(server)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", server, err)
	}
	read := reader{Reader: bytes.NewReader(answer)}
	for range read.number() {
		read.skip(4) // ID
		address := net.JoinHostPort(read.text(), fmt.Sprint(read.number()))
		read.text() // rack
		connection, err := net.DialTimeout("tcp", address, dialTimeout)
		if err != nil {
			return nil, err
		}
		connection.Close()
	}
	read.skip(4) // controller
	var names []string
	for range read.number() {
		read.skip(2) // error
		names = append(names, read.text())
		read.skip(1) // internal
		for range read.number() {
			read.skip(2 + 4 + 4) // error, partition, leader
			read.skip(4 * int64(read.number()))
			read.skip(4 * int64(read.number()))
		}
	}
	return names, read.err
}

// request returns the body of the answer to Metadata, version 1, for all topics.
func request(server string) ([]byte, error) {
	connection, err := net.DialTimeout("tcp", server, dialTimeout)
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(dialTimeout)); err != nil {
		return nil, err
	}
	var sent bytes.Buffer
	fields := []any{int16(metadata), int16(1), int32(1), int16(-1), int32(-1)} // key, version, correlation, client, topics
	for _, field := range fields {
		if err := binary.Write(&sent, binary.BigEndian, field); err != nil {
			return nil, err
		}
	}
	if err := binary.Write(connection, binary.BigEndian, int32(sent.Len())); err != nil {
		return nil, err
	}
	if _, err := connection.Write(sent.Bytes()); err != nil {
		return nil, err
	}
	var header struct{ Size, Correlation int32 }
	if err := binary.Read(connection, binary.BigEndian, &header); err != nil {
		return nil, err
	}
	if header.Size < 4 || header.Size > maxAnswerSize {
		return nil, errors.New("this is not Kafka")
	}
	answer := make([]byte, header.Size-4)
	_, err = io.ReadFull(connection, answer)
	return answer, err
}

// reader keeps the first error.
type reader struct {
	io.Reader
	err error
}

func (r *reader) number() int32 {
	var found int32
	r.into(&found)
	return max(found, 0)
}

func (r *reader) text() string {
	var length int16
	r.into(&length)
	found := make([]byte, max(length, 0))
	r.into(found)
	return string(found)
}

func (r *reader) skip(count int64) {
	if r.err == nil {
		_, r.err = io.CopyN(io.Discard, r, count)
	}
}

func (r *reader) into(target any) {
	if r.err == nil {
		r.err = binary.Read(r, binary.BigEndian, target)
	}
}
