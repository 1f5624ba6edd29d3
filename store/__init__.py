"""The warehouse: record log, generations, query workers, audiences and the control data."""
