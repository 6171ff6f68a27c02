// Package greet is shared by the modules of this workspace.
package greet

// Word is part of every response.
const Word = "hello"
