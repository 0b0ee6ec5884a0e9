from glob import glob

from setuptools import find_packages, setup

NAME = "prpd_task"

setup(
    name=NAME,
    version="0.1.0",
    description="What the rock excavation task is, and the prpd command",
    author="PRPD maintainers",
    maintainer="PRPD maintainers",
    maintainer_email="prpd@example.com",
    license="Apache-2.0",
    packages=find_packages(),
    package_data={NAME: ["**/*.yaml", "**/*.json"]},
    data_files=[
        ("share/ament_index/resource_index/packages", [f"resource/{NAME}"]),
        (f"share/{NAME}", ["package.xml"]),
        (f"share/{NAME}/urdf", glob("urdf/*")),
    ],
    install_requires=["setuptools"],
    extras_require={"test": ["pytest"]},
    zip_safe=False,
    entry_points={
        "console_scripts": [
            "prpd = prpd_task.cli:main",
        ],
        "prpd.commands": [
            "reach = prpd_task.reach:main",
        ],
    },
)
