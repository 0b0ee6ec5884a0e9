from setuptools import find_packages, setup

NAME = "prpd_train"

setup(
    name=NAME,
    version="0.1.0",
    description="Progressive-resolution policy distillation: simulation, learning, evaluation, export",
    author="PRPD maintainers",
    maintainer="PRPD maintainers",
    maintainer_email="prpd@example.com",
    license="Apache-2.0",
    packages=find_packages(),
    package_data={NAME: ["**/*.yaml", "**/*.json", "**/*.txt"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
    ],
    install_requires=["setuptools"],
    extras_require={"test": ["pytest"]},
    zip_safe=False,
    entry_points={
        "console_scripts": [],
        "prpd.commands": [
            "train = prpd_train.cli.train:main",
            "evaluate = prpd_train.cli.evaluate:main",
            "export = prpd_train.cli.export:main",
            "inspect = prpd_train.cli.inspect:main",
            "study = prpd_train.cli.study:main",
            "view = prpd_train.cli.view:main",
        ],
    },
)
