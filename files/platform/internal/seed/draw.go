package seed

import (
	"encoding/binary"
	"fmt"
	"strings"

	"golang.org/x/crypto/blake2b"
)

// stride is a prime: it visits combinations of words in an order that looks random.
const stride = 7919

// draw returns a number that looks random and is the same for the same key on every machine.
func draw(key ...any) uint64 {
	parts := make([]string, len(key))
	for i, part := range key {
		switch part := part.(type) {
		case string:
			parts[i] = "'" + part + "'"
		default:
			parts[i] = fmt.Sprint(part)
		}
	}
	hash, err := blake2b.New(8, nil)
	if err != nil {
		panic(err) // the size is valid
	}
	fmt.Fprintf(hash, "(%s)", strings.Join(parts, ", "))
	return binary.BigEndian.Uint64(hash.Sum(nil))
}

// fraction returns a drawn number from 0 to less than 1.
func fraction(key ...any) float64 {
	return float64(draw(key...)>>11) / (1 << 53) // as many bits as a float64 holds exactly
}

// squared favours small fractions.
func squared(key ...any) float64 {
	f := fraction(key...)
	return f * f
}

// below draws a number from 0 to less than n.
func below(n int, key ...any) int {
	return int(draw(key...) % uint64(n))
}

// pick draws an item.
func pick[T any](items []T, key ...any) T {
	return items[below(len(items), key...)]
}

// favour draws an item, the first ones more often: the first hundredth is drawn a tenth of the time.
func favour[T any](items []T, key ...any) T {
	return items[int(squared(key...)*float64(len(items)))]
}

// weighted draws a key as often as its weight says.
func weighted(weights Map[int], key ...any) string {
	sum := 0
	for _, entry := range weights {
		sum += entry.Value
	}
	left := below(sum, key...)
	for _, entry := range weights {
		if left -= entry.Value; left < 0 {
			return entry.Key
		}
	}
	panic("the drawn number exceeds the sum of the weights")
}

// combination returns combination number n of one word of each part. Each occurs once before any occurs twice.
func combination(n uint64, parts ...[]string) []string {
	total := uint64(1)
	for _, part := range parts {
		total *= uint64(len(part))
	}
	step := uint64(stride)
	for gcd(step, total) != 1 {
		step += 2
	}
	rest := n % total * (step % total) % total
	chosen := make([]string, len(parts))
	for i, part := range parts {
		chosen[i] = part[rest%uint64(len(part))]
		rest /= uint64(len(part))
	}
	return chosen
}

func gcd(a, b uint64) uint64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}
