// Command empty does nothing: the measure for what an import adds.
package main

func main() {}
