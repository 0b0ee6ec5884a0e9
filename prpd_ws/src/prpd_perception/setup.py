from setuptools import find_packages, setup

NAME = "prpd_perception"

setup(
    name=NAME,
    version="0.1.0",
    description="From a depth image to the state of the rock in the soil",
    author="PRPD maintainers",
    maintainer="PRPD maintainers",
    maintainer_email="prpd@example.com",
    license="Apache-2.0",
    packages=find_packages(),
    package_data={NAME: ["**/*.yaml", "**/*.json", "**/*.onnx"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
    ],
    install_requires=["setuptools"],
    extras_require={"test": ["pytest"]},
    zip_safe=False,
    entry_points={
        "console_scripts": [
            "rock_state = prpd_perception.node:main",
        ],
        "prpd.commands": [
            "calibrate = prpd_perception.calibrate.cli:main",
            "train-detector = prpd_perception.learn.train:main",
        ],
    },
)
