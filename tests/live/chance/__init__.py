"""Stories that nobody wrote: composed by chance, played with real phones, judged by what the phones heard."""
