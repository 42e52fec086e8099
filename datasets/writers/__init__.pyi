from .the_well import write_the_well as write_the_well
