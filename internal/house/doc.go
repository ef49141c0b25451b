// Package house holds the rules of this module that no compiler checks, as tests: which
// room may import which, what stands at the top level, that every package explains
// itself, and that the README's tables are what the code says.
package house
