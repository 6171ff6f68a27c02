// Package greet is what the modules of this workspace share.
package greet

// Word is in every answer.
const Word = "hello"
