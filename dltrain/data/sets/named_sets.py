"""The sets that `dltrain data fetch` brings: where they lie, their published checksums, and what a config says of them.

Addresses and checksums are those that TensorFlow Datasets, torchvision and scikit-learn pin (mnist, fashion_mnist,
kmnist, adult, covertype, wine_quality), else of the file at a fixed commit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

UCI = "https://archive.ics.uci.edu/ml/machine-learning-databases"
GERON = "https://raw.githubusercontent.com/ageron/handson-ml2"
UDACITY = "https://raw.githubusercontent.com/udacity/deep-learning-v2-pytorch/cb8954f3e0bb25d9e5906f51a798c3b054aacca0"
CC_BY = "CC BY 4.0"


@dataclass(frozen=True, slots=True)
class Remote:
    """A file of a named set, as it is published."""

    name: str
    """The file's own name, here and in a mirror."""
    size: int
    """Its bytes."""
    sha256: str
    urls: tuple[str, ...]
    """Where it lies, tried in this order."""
    prefix: bytes = b""
    """Its first bytes, where they are no data: checked, and not kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """A set that is fetched once and is known by its name from then on."""

    name: str
    files: tuple[Remote, ...]
    rows: int
    """Of all parts."""
    test_rows: int = 0
    """Of the official test part, if there is one."""
    inputs: int
    """Columns, or pixels, that the set's own config takes as inputs."""
    task: Literal["binary", "multiclass", "regression"]
    classes: tuple[str, ...] = ()
    target: str
    source: str
    licence: str
    main: str = ""
    """The file of the rows that are split; empty: the folder, whose files `data` names in `arrays`."""
    test: str = ""
    """The file of the official test rows."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """Keys of the config's section `data`, beside source, that fit the set."""
    split: Mapping[str, Any] = field(default_factory=dict)
    """Keys of `split`."""

    @property
    def size(self) -> int:
        """Bytes to fetch."""
        return sum(file.size for file in self.files)


IDX = (
    "train-images-idx3-ubyte.gz",
    "train-labels-idx1-ubyte.gz",
    "t10k-images-idx3-ubyte.gz",
    "t10k-labels-idx1-ubyte.gz",
)
DIGITS = tuple(map(str, range(10)))


def _like_mnist(
    name: str, places: tuple[str, ...], files: tuple[tuple[int, str], ...], source: str, licence: str
) -> Named:
    """60,000 + 10,000 images of 28 x 28 in four IDX files."""
    remotes = tuple(
        Remote(file, size, sha256, tuple(f"{place}/{file}" for place in places))
        for file, (size, sha256) in zip(IDX, files, strict=True)
    )
    return Named(
        name=name,
        files=remotes,
        rows=70_000,
        test_rows=10_000,
        inputs=784,
        task="multiclass",
        classes=DIGITS,
        target=IDX[1],
        source=source,
        licence=licence,
        data={"arrays": {"train": list(IDX[:2]), "test": list(IDX[2:])}},
    )


MNIST = _like_mnist(
    "mnist",
    ("https://ossci-datasets.s3.amazonaws.com/mnist", "https://storage.googleapis.com/cvdf-datasets/mnist"),
    (
        (9_912_422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        (28_881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        (1_648_877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        (4_542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
    ),
    "LeCun, Cortes, Burges: MNIST handwritten digits, 1998",
    "CC BY-SA 3.0",
)

FASHION_MNIST = _like_mnist(
    "fashion_mnist",
    (
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com",
    ),
    (
        (26_421_880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"),
        (29_515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"),
        (4_422_102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"),
        (5_148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"),
    ),
    "Xiao, Rasul, Vollgraf: Fashion-MNIST, 2017",
    "MIT",
)

KMNIST = _like_mnist(
    "kmnist",
    ("https://codh.rois.ac.jp/kmnist/dataset/kmnist", "http://codh.rois.ac.jp/kmnist/dataset/kmnist"),
    (
        (18_165_135, "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"),
        (29_497, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"),
        (3_041_136, "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"),
        (5_120, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"),
    ),
    "Clanuwat et al.: Kuzushiji-MNIST, 2018",
    "CC BY-SA 4.0",
)

ADULT = Named(
    name="adult",
    files=(
        Remote(
            "adult.data",
            3_974_305,
            "5b00264637dbfec36bdeaab5676b0b309ff9eb788d63554ca0a249491c86603d",
            (f"{UCI}/adult/adult.data",),
        ),
        Remote(
            "adult.test",
            2_003_153,
            "a2a9044bc167a35b2361efbabec64e89d69ce82d9790d2980119aac5fd7e9c05",
            (f"{UCI}/adult/adult.test",),
            prefix=b"|1x3 Cross validator\n",
        ),
    ),
    rows=48_842,
    test_rows=16_281,
    inputs=14,
    task="binary",
    classes=("<=50K", ">50K"),
    target="income",
    source="Becker, Kohavi: Adult (census income), UCI, 1996",
    licence=CC_BY,
    main="adult.data",
    test="adult.test",
    data={
        "target": "income",
        "columns": [
            *("age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation"),
            *("relationship", "race", "sex", "capital-gain", "capital-loss", "hours-per-week", "native-country"),
            "income",
        ],
        "label_map": {"<=50K.": "<=50K", ">50K.": ">50K"},
        "missing": "most_frequent",
    },
)

BIKE_SHARING = Named(
    name="bike_sharing",
    files=(
        Remote(
            "hour.csv",
            1_156_736,
            "e03de4ee4ef4dc376ac6e04bf829673c6269e8eba5c60fa121640fa2f829504f",
            (f"{UDACITY}/project-bikesharing/Bike-Sharing-Dataset/hour.csv",),
        ),
    ),
    rows=17_379,
    inputs=12,
    task="regression",
    target="cnt",
    source="Fanaee-T, Gama: Bike Sharing (hours), UCI, 2013",
    licence=CC_BY,
    main="hour.csv",
    data={"target": "cnt", "exclude": ["instant", "casual", "registered"], "task": "regression"},
    split={"by": "time", "column": "dteday"},
)

CALIFORNIA_HOUSING = Named(
    name="california_housing",
    files=(
        Remote(
            "housing.csv",
            1_423_529,
            "8a3727f4cf54ac1a327f69b1d5b4db54c5834ea81c6e4efc0d163300022a685e",
            (f"{GERON}/aa555aa16b9d0af6c84e67c7757f3317d05acb12/datasets/housing/housing.csv",),
        ),
    ),
    rows=20_640,
    inputs=9,
    task="regression",
    target="median_house_value",
    source="Pace, Barry: California housing, 1997; with gaps, Géron 2019",
    licence="none stated",
    main="housing.csv",
    data={"target": "median_house_value", "missing": "median", "task": "regression"},
)

COVERTYPE = Named(
    name="covertype",
    files=(
        Remote(
            "covtype.data.gz",
            11_240_707,
            "614360d0257557dd1792834a85a1cdebfadc3c4f30b011d56afee7ffb5b15771",
            (f"{UCI}/covtype/covtype.data.gz", "https://ndownloader.figshare.com/files/5976039"),
        ),
    ),
    rows=581_012,
    inputs=54,
    task="multiclass",
    classes=tuple(map(str, range(1, 8))),
    target="cover_type",
    source="Blackard: Covertype, UCI, 1998",
    licence=CC_BY,
    main="covtype.data.gz",
    data={
        "target": "cover_type",
        "columns": [
            *("elevation", "aspect", "slope", "horizontal_distance_to_hydrology", "vertical_distance_to_hydrology"),
            *("horizontal_distance_to_roadways", "hillshade_9am", "hillshade_noon", "hillshade_3pm"),
            "horizontal_distance_to_fire_points",
            *(f"wilderness_area_{area}" for area in range(1, 5)),
            *(f"soil_type_{soil}" for soil in range(1, 41)),
            "cover_type",
        ],
        "task": "multiclass",
    },
)

PENDIGITS = Named(
    name="pendigits",
    files=(
        Remote(
            "pendigits.tra",
            502_098,
            "e2b9eb9f0d0467e2b64a4816a3420edf2b8043447576f4b84337aba44a9f97d3",
            (f"{UCI}/pendigits/pendigits.tra",),
        ),
        Remote(
            "pendigits.tes",
            234_366,
            "8bd03229c5c5291fefe43e45465dd948d2645bf23328b9d993e0b777666b2015",
            (f"{UCI}/pendigits/pendigits.tes",),
        ),
    ),
    rows=10_992,
    test_rows=3_498,
    inputs=16,
    task="multiclass",
    classes=DIGITS,
    target="digit",
    source="Alpaydin, Alimoglu: Pen-Based Recognition of Handwritten Digits, UCI, 1998",
    licence=CC_BY,
    main="pendigits.tra",
    test="pendigits.tes",
    data={
        "target": "digit",
        "columns": [*(f"{axis}{point}" for point in range(8) for axis in "xy"), "digit"],
        "task": "multiclass",
    },
)

TITANIC = Named(
    name="titanic",
    files=(
        Remote(
            "train.csv",
            61_904,
            "14769fb1850e2d26d8e6db0ee49c213878040432827e39b13caaa15603c6598f",
            (f"{GERON}/585fbab38c8f063eea7947eaa053a5b876cada7e/datasets/titanic/train.csv",),
        ),
    ),
    rows=891,
    inputs=7,
    task="binary",
    classes=("0", "1"),
    target="Survived",
    source="Titanic passengers, the labelled part of the Kaggle competition; Géron 2019",
    licence="none stated",
    main="train.csv",
    data={
        "target": "Survived",
        "exclude": ["PassengerId", "Name", "Ticket", "Cabin"],
        "missing": "median",
        "task": "binary",
    },
)

WINE_QUALITY = Named(
    name="wine_quality",
    files=(
        Remote(
            "winequality-white.csv",
            264_426,
            "76c3f809815c17c07212622f776311faeb31e87610d52c26d87d6e361b169836",
            (f"{UCI}/wine-quality/winequality-white.csv",),
        ),
    ),
    rows=4_898,
    inputs=11,
    task="regression",
    target="quality",
    source="Cortez et al.: Wine Quality (white), UCI, 2009",
    licence=CC_BY,
    main="winequality-white.csv",
    data={"target": "quality", "task": "regression"},
)

NAMED_SETS = (
    ADULT,
    BIKE_SHARING,
    CALIFORNIA_HOUSING,
    COVERTYPE,
    FASHION_MNIST,
    KMNIST,
    MNIST,
    PENDIGITS,
    TITANIC,
    WINE_QUALITY,
)
