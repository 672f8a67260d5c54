"""What others change, refuse or forge while an execution runs; one named scenario for each attack."""
