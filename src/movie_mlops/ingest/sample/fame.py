"""Which films nearly everybody has heard of: the one judgement in the sample, written down film by film.

The catalogue holds no number that says how known a film is, and chance alone would make a stranger of The Godfather.
So that a visitor meets films that they know, the simulated audience talks more about the films below. The list is a
choice made by hand: films that people who rarely go to the cinema can name, from many decades and countries. It counts
nobody's votes, tickets or ratings.
"""

from typing import Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from movie_mlops.core import columns as c

FAMOUS: Final = """
1927 Metropolis
1936 Modern Times
1939 Gone with the Wind
1939 The Wizard of Oz
1941 Citizen Kane
1942 Casablanca
1946 It's a Wonderful Life
1950 Cinderella
1952 Singin' in the Rain
1953 Roman Holiday
1954 Rear Window
1954 Seven Samurai
1957 12 Angry Men
1958 Vertigo
1959 Some Like It Hot
1960 Psycho
1961 Breakfast at Tiffany's
1961 West Side Story
1962 Lawrence of Arabia
1963 The Birds
1964 Mary Poppins
1965 The Sound of Music
1966 The Good, the Bad and the Ugly
1967 The Jungle Book
1968 2001: A Space Odyssey
1971 A Clockwork Orange
1972 The Godfather
1973 The Exorcist
1974 The Godfather Part II
1975 Jaws
1975 Monty Python and the Holy Grail
1975 One Flew Over the Cuckoo's Nest
1975 Sholay
1976 Rocky
1976 Taxi Driver
1977 Star Wars: Episode IV - A New Hope
1978 Grease
1979 Alien
1979 Apocalypse Now
1980 Star Wars: Episode V - The Empire Strikes Back
1980 The Shining
1981 Raiders of the Lost Ark
1982 Blade Runner
1982 E.T. the Extra-Terrestrial
1983 Star Wars: Episode VI - Return of the Jedi
1984 Ghostbusters
1984 The Terminator
1985 Back to the Future
1985 The Breakfast Club
1986 Aliens
1986 Top Gun
1987 Dirty Dancing
1987 The Princess Bride
1988 Akira
1988 Cinema Paradiso
1988 Die Hard
1988 My Neighbor Totoro
1989 Dead Poets Society
1989 The Little Mermaid
1989 When Harry Met Sally...
1990 Goodfellas
1990 Home Alone
1990 Pretty Woman
1991 Beauty and the Beast
1991 Terminator 2: Judgment Day
1991 The Silence of the Lambs
1992 Aladdin
1993 Groundhog Day
1993 Jurassic Park
1993 Schindler's List
1993 The Nightmare Before Christmas
1994 Chungking Express
1994 Forrest Gump
1994 Léon: The Professional
1994 Pulp Fiction
1994 The Lion King
1994 The Shawshank Redemption
1995 Before Sunrise
1995 Dilwale Dulhania Le Jayenge
1995 Heat
1995 Se7en
1995 The Usual Suspects
1995 Toy Story
1996 Fargo
1996 Mission: Impossible
1996 Scream
1996 Trainspotting
1997 Good Will Hunting
1997 Life Is Beautiful
1997 Men in Black
1997 Princess Mononoke
1997 Titanic
1998 Mulan
1998 Saving Private Ryan
1998 The Big Lebowski
1998 The Truman Show
1999 Fight Club
1999 The Matrix
1999 The Sixth Sense
2000 Crouching Tiger, Hidden Dragon
2000 Gladiator
2000 In the Mood for Love
2000 Memento
2001 Amélie
2001 Harry Potter and the Sorcerer's Stone
2001 Monsters, Inc.
2001 Shrek
2001 Spirited Away
2001 The Lord of the Rings: The Fellowship of the Ring
2002 Catch Me If You Can
2002 City of God
2002 Spider-Man
2002 The Lord of the Rings: The Two Towers
2002 The Pianist
2003 Finding Nemo
2003 Kill Bill: Vol. 1
2003 Lost in Translation
2003 Love Actually
2003 Oldboy
2003 Pirates of the Caribbean: The Curse of the Black Pearl
2003 The Lord of the Rings: The Return of the King
2004 Eternal Sunshine of the Spotless Mind
2004 Howl's Moving Castle
2004 The Incredibles
2004 The Notebook
2005 Pride & Prejudice
2006 Casino Royale
2006 Pan's Labyrinth
2006 The Departed
2006 The Devil Wears Prada
2006 The Prestige
2007 No Country for Old Men
2007 Ratatouille
2008 Iron Man
2008 Mamma Mia!
2008 Slumdog Millionaire
2008 The Dark Knight
2008 Twilight
2008 WALL·E
2009 3 Idiots
2009 Avatar
2009 Inglourious Basterds
2009 The Hangover
2009 Up
2010 Black Swan
2010 Inception
2010 Shutter Island
2010 The Social Network
2010 Toy Story 3
2011 Drive
2011 Harry Potter and the Deathly Hallows: Part 2
2011 Midnight in Paris
2011 The Intouchables
2012 Django Unchained
2012 Life of Pi
2012 Skyfall
2012 The Avengers
2012 The Hunger Games
2013 Frozen
2013 Gravity
2013 The Wolf of Wall Street
2014 Guardians of the Galaxy
2014 Interstellar
2014 The Grand Budapest Hotel
2014 Whiplash
2015 Inside Out
2015 Mad Max: Fury Road
2015 Star Wars: Episode VII - The Force Awakens
2015 The Martian
2016 Arrival
2016 Deadpool
2016 La La Land
2016 Moana
2016 Train to Busan
2016 Your Name.
2016 Zootopia
2017 Blade Runner 2049
2017 Coco
2017 Get Out
2018 Black Panther
2018 Roma
2018 Spider-Man: Into the Spider-Verse
2019 Avengers: Endgame
2019 Joker
2019 Knives Out
2019 Parasite
2019 Portrait of a Lady on Fire
2020 Soul
2021 Dune
2021 Spider-Man: No Way Home
2022 Everything Everywhere All at Once
2022 RRR
2022 Top Gun: Maverick
2023 Barbie
2023 Godzilla Minus One
2023 Oppenheimer
2024 Dune: Part Two
2024 Inside Out 2
2024 Wicked
2025 Sinners
"""


def famous_films() -> list[tuple[int, str]]:
    """Return the year and the title of every film of the list."""
    return [(int(line[:4]), line[5:]) for line in FAMOUS.split("\n") if line]


def is_famous(films: pl.DataFrame) -> NDArray[np.bool_]:
    """Return which of ``films`` (with ``year`` and ``title``) are on the list, in their order."""
    famous = set(famous_films())
    return np.array([film in famous for film in films.select(c.YEAR, c.TITLE).iter_rows()], dtype=np.bool_)
